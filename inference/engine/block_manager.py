"""Who owns which block of the cache, and which blocks can be used again.

A block holds ``block_size`` token positions of all layers. Full blocks are named by a digest of
all tokens up to their end, so a sequence that begins as an earlier one did takes over its blocks.
Models with a running state (DeepSeek-V4) also need a snapshot of it at the end of the last block
that is taken over. Knows no tensors: blocks, states and snapshots are numbers.
"""

from array import array
from collections import OrderedDict
from hashlib import blake2b

from inference.engine.sequence import Sequence


class BlockManager:
    """Hands out blocks; never more than there are.

    Example with ``block_size`` 4: a sequence of 6 tokens owns two blocks, say
    ``block_table == [7, 2]``; its position 5 lies in slot ``2 * 4 + 1``.

    Args:
        num_states: running states, and so sequences at once; 0: the model has none.
        num_snapshots: states remembered at block ends; they lie behind the running ones.
        reuse: whether full blocks are remembered.
    """

    def __init__(
        self,
        num_blocks: int,
        block_size: int,
        *,
        num_states: int = 0,
        num_snapshots: int = 0,
        reuse: bool = True,
    ) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self.has_states = num_states > 0
        self._reuse = reuse
        # Blocks that nobody owns, those to be used up first in front.
        self._free: OrderedDict[int, None] = OrderedDict.fromkeys(range(num_blocks))
        self._owners = [0] * num_blocks
        self._keys: list[bytes | None] = [None] * num_blocks
        self._known: dict[bytes, int] = {}
        self._states = list(range(num_states))[::-1]
        self._spare = list(range(num_states, num_states + num_snapshots))[::-1]
        self._snapshots: OrderedDict[bytes, int] = OrderedDict()  # longest unused in front

    @property
    def num_free(self) -> int:
        return len(self._free)

    @property
    def has_free_state(self) -> bool:
        return not self.has_states or bool(self._states)

    def blocks_for(self, num_tokens: int) -> int:
        return -(-num_tokens // self.block_size)

    def grow(self, sequence: Sequence, num_tokens: int) -> bool:
        """Own blocks for ``num_tokens`` positions; False, and no change, if too few are free."""
        missing = self.blocks_for(num_tokens) - len(sequence.block_table)
        if missing > len(self._free):
            return False
        sequence.block_table.extend(self._take() for _ in range(missing))
        return True

    def begin(self, sequence: Sequence) -> None:
        """Give a sequence without blocks its state and what is cached of its tokens.

        At least one token is left to compute, so that the next one can be drawn.
        """
        if self.has_states:
            sequence.state = self._states.pop()
        if not self._reuse:
            return
        keys = self._keys_of(sequence, (sequence.num_tokens - 1) // self.block_size)
        found = next((at for at, key in enumerate(keys) if key not in self._known), len(keys))
        if self.has_states:
            while found and keys[found - 1] not in self._snapshots:
                found -= 1
            if found:
                self._snapshots.move_to_end(keys[found - 1])
                sequence.restore = self._snapshots[keys[found - 1]]
        sequence.block_table = [self._own(self._known[key]) for key in keys[:found]]
        sequence.num_computed = found * self.block_size

    def remember(self, sequence: Sequence) -> None:
        """Name the blocks that are full now; called after each step."""
        if not self._reuse:
            return
        full = sequence.num_computed // self.block_size
        for at in range(full - 1, -1, -1):
            block = sequence.block_table[at]
            if self._keys[block] is not None:
                break
            key = self._keys_of(sequence, full)[at]
            if key in self._known:
                break  # another block holds the same
            self._known[key], self._keys[block] = block, key

    def snapshot(self, sequence: Sequence) -> int | None:
        """Where to copy the state of a sequence to, if it stands at a block's end and is not
        remembered; the longest unused snapshot is given up for it."""
        ends_block = sequence.num_computed and sequence.num_computed % self.block_size == 0
        if not (self.has_states and self._reuse and ends_block):
            return None
        key = self._keys_of(sequence, sequence.num_computed // self.block_size)[-1]
        if key in self._snapshots or not (self._spare or self._snapshots):
            return None
        place = self._spare.pop() if self._spare else self._snapshots.popitem(last=False)[1]
        self._snapshots[key] = place
        return place

    def release(self, sequence: Sequence) -> None:
        """Give everything of ``sequence`` back; what is remembered can be found again."""
        for block in reversed(sequence.block_table):  # beginnings are used again, so keep them
            self._owners[block] -= 1
            if not self._owners[block]:
                self._free[block] = None
                if self._keys[block] is None:
                    self._free.move_to_end(block, last=False)
        sequence.block_table = []
        sequence.num_computed = 0
        sequence.restore = None
        if sequence.state is not None:
            self._states.append(sequence.state)
            sequence.state = None

    def check(self) -> None:
        """Raises AssertionError if, with no sequence about, anything is not free."""
        assert len(self._free) == self.num_blocks, "a block is lost"
        assert not any(self._owners), "a block has an owner"
        assert all(self._keys[block] == key for key, block in self._known.items())
        taken = {*self._states, *self._spare, *self._snapshots.values()}
        assert len(taken) == len(self._states) + len(self._spare) + len(self._snapshots)

    def _take(self) -> int:
        block, _ = self._free.popitem(last=False)
        key, self._keys[block] = self._keys[block], None
        if key is not None:
            del self._known[key]
        self._owners[block] = 1
        return block

    def _own(self, block: int) -> int:
        self._free.pop(block, None)
        self._owners[block] += 1
        return block

    def _keys_of(self, sequence: Sequence, count: int) -> list[bytes]:
        """Names of the first ``count`` blocks: each stands for all tokens before its end."""
        keys = sequence.block_keys
        if not keys and count:
            budget = sequence.num_experts, sequence.expert_mass
            root = b"%d/%r/%b" % (*budget, sequence.salt)
            keys.append(self._key(blake2b(root, digest_size=16).digest(), sequence, 0))
        while len(keys) < count:
            keys.append(self._key(keys[-1], sequence, len(keys)))
        return keys[:count]

    def _key(self, before: bytes, sequence: Sequence, at: int) -> bytes:
        ids = sequence.ids(at * self.block_size, (at + 1) * self.block_size)
        return blake2b(before + array("I", ids).tobytes(), digest_size=16).digest()
