"""Who owns which block of the key/value cache.

A block holds ``block_size`` token positions of all layers. Knows no tensors:
a block is a number.
"""

from collections import deque

from inference.engine.sequence import Sequence


class BlockManager:
    """Hands out blocks; never more than there are.

    Example with ``block_size`` 4: a sequence of 6 tokens owns two blocks, say
    ``block_table == [7, 2]``; its position 5 lies in slot ``2 * 4 + 1``.
    """

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self._free = deque(range(num_blocks))

    @property
    def num_free(self) -> int:
        return len(self._free)

    def blocks_for(self, num_tokens: int) -> int:
        return -(-num_tokens // self.block_size)

    def grow(self, sequence: Sequence, num_tokens: int) -> bool:
        """Own blocks for ``num_tokens`` positions; False, and no change, if too few are free."""
        missing = self.blocks_for(num_tokens) - len(sequence.block_table)
        if missing > len(self._free):
            return False
        sequence.block_table.extend(self._free.popleft() for _ in range(missing))
        return True

    def release(self, sequence: Sequence) -> None:
        """Give every block of ``sequence`` back; its cached keys are lost."""
        self._free.extend(sequence.block_table)
        sequence.block_table.clear()
        sequence.num_computed = 0
