"""Model names and patterns with `*`, which stands for any signs, also none.

Invariant: `overlap` is symmetric, and true exactly when some name matches both patterns.
"""

from __future__ import annotations


def overlap(left: str, right: str) -> bool:
    """Whether some model name matches both patterns (a name without `*` matches itself).

    `reach[j]` says whether the part of `left` read so far and the first j signs of `right` have a name in
    common.
    """
    reach = [all(sign == "*" for sign in right[:end]) for end in range(len(right) + 1)]
    for sign in left:
        previous = reach
        reach = [previous[0] and sign == "*"]
        for index, other in enumerate(right):
            if sign == "*":
                # The star ends here, or it swallows one more sign of `right`.
                reach.append(previous[index + 1] or reach[index])
            elif other == "*":
                reach.append(reach[index] or previous[index + 1])
            else:
                reach.append(previous[index] and sign == other)
    return reach[-1]
