"""What a worker remembers of prompts is shared by requests of one salt only."""

import openai


def test_a_prompt_is_found_again_under_its_salt_alone(worker_url: str) -> None:
    prompt = "The keeper of the lighthouse writes down what the sea says each night. " * 6

    def cached(salt: str | None) -> int:
        answer = client.completions.create(
            model="sov-pro",
            prompt=prompt,
            max_tokens=1,
            extra_body={} if salt is None else {"cache_salt": salt},
        )
        assert answer.usage is not None
        assert answer.usage.prompt_tokens_details is not None
        return answer.usage.prompt_tokens_details.cached_tokens or 0

    with openai.OpenAI(base_url=f"{worker_url}/v1", api_key="none", max_retries=0) as client:
        assert cached("acme") == 0
        assert cached("acme") >= 64
        assert cached("globex") == 0
        assert cached(None) == 0
        assert cached("globex") >= 64
