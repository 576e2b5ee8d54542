"""Runs steps of the shapes that serving will have, before anything is served.

An accelerator's kernels are compiled when they are first needed, which takes seconds: here, rather
than within somebody's request. The list follows from the scheduler's limits, not from a table.
"""

from inference.engine.drawing import Draw
from inference.engine.drawing import draw as draw_plainly
from inference.engine.model_runner import ModelRunner
from inference.engine.sampler import sample
from inference.engine.scheduler import Chunk, SchedulerLimits
from inference.engine.sequence import Sequence
from inference.sampling_params import SamplingParams

_TOKEN = 0


def warm_up(
    runner: ModelRunner, limits: SchedulerLimits, experts: int, draw: Draw = draw_plainly
) -> int:
    """Prompts and batches of doubling sizes, up to the largest; how many steps that were.

    Each of them at the beginning of a sequence, there also with fewer experts than is usual, and,
    since other kernels choose what a long one attends to, at the end of sequences of doubling
    lengths. All of it is written to the cache's first block and state, which the first sequence
    that gets them writes anew. Each step draws tokens too, and throws them away.

    Args:
        experts: active ones of a row, as a request that names no number has.
    """
    singles = [(1, size) for size in _doubling(limits.max_batch)]
    most = min(runner.positions, runner.model.config.max_context)
    longest = min(limits.max_prefill_tokens, most)
    prompts = [(length, 1) for length in _doubling(longest)[1:]]
    fewest = runner.model.config.min_experts_per_tok
    ends = [(0, experts), *((end, experts) for end in _doubling(most) if end > longest)]
    ends += [(0, fewest)] if fewest < experts else []
    for end, budget in ends:
        for length, count in singles + prompts:
            chunks = [_chunk(runner, length, max(end, length), budget) for _ in range(count)]
            sampling, logits = runner.run(chunks)
            sample(logits, [chunk.sequence for chunk in sampling], draw)
    return len(ends) * len(singles + prompts)


def _doubling(most: int) -> list[int]:
    """1, 2, 4, ... and ``most``."""
    sizes = [1 << power for power in range(most.bit_length())]
    return sizes if sizes[-1] == most else [*sizes, most]


def _chunk(runner: ModelRunner, length: int, end: int, experts: int) -> Chunk:
    """The last ``length`` positions of a sequence of ``end``."""
    params = SamplingParams(max_tokens=1, top_p=0.9)
    sequence = Sequence([_TOKEN] * end, params, experts, frozenset())
    sequence.block_table = [0] * -(-end // runner.block_size)
    sequence.state = 0
    return Chunk(sequence, end - length, end)
