"""Compute the removal effect of each channel in a Markov chain of touches, exactly.

The states of the chain are a start, the channels, the conversion and the end without one. The probability of each
transition is its share of all transitions from its state. The removal effect of a channel is the share of conversions
that the chain loses if every visit to the channel ends without one. Anderl et al. (2016), Mapping the customer journey.

No walk is simulated. N = (I - Q)^-1 belongs to the transitions Q between channels, and x is the probability of a
conversion from each channel. The chain reaches channel c with probability f = (start N)[c] / N[c, c]. So the removal of
c loses f * x[c].
"""

from collections.abc import Mapping, Sequence

START, CONVERSION, END = -1, -2, -3  # numbers of the states that are no channel

Matrix = list[list[float]]


def find_removal_effects(transitions: Mapping[tuple[int, int], int], channels: int) -> list[float]:
    """Return the removal effect of each channel, from 0 to 1.

    `transitions` counts how often one state follows another. Channels are numbered from 0 to `channels` - 1. A
    transition from a channel to itself changes nothing and is ignored.
    """
    counts: dict[int, dict[int, int]] = {}
    for (before, after), count in transitions.items():
        if before != after and count:
            counts.setdefault(before, {})[after] = counts.get(before, {}).get(after, 0) + count
    start, conversion = [0.0] * channels, [0.0] * channels
    system: Matrix = [[float(row == column) for column in range(channels)] for row in range(channels)]
    begins_with_conversion = 0.0
    for before, exits in counts.items():
        total = sum(exits.values())
        for after, count in exits.items():
            if before == START and after >= 0:
                start[after] = count / total
            elif before == START:
                begins_with_conversion += count / total if after == CONVERSION else 0.0
            elif after >= 0:
                system[before][after] -= count / total
            elif after == CONVERSION:
                conversion[before] = count / total
    inverse = invert(system)
    converts = [sum(share * value for share, value in zip(row, conversion, strict=True)) for row in inverse]
    overall = begins_with_conversion + sum(share * value for share, value in zip(start, converts, strict=True))
    if overall <= 0:
        return [0.0] * channels
    effects = []
    for channel in range(channels):
        visits = sum(share * row[channel] for share, row in zip(start, inverse, strict=True))
        effects.append(visits / inverse[channel][channel] * converts[channel] / overall)
    return effects


def invert(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Return the inverse of a square matrix, by Gauss-Jordan elimination with pivots.

    Raises ZeroDivisionError for a singular matrix.
    """
    size = len(matrix)
    rows = [[*row, *(float(index == place) for index in range(size))] for place, row in enumerate(matrix)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        divisor = rows[column][column]
        leading = rows[column] = [value / divisor for value in rows[column]]
        for index, row in enumerate(rows):
            factor = row[column]
            if index != column and factor:
                rows[index] = [value - factor * other for value, other in zip(row, leading, strict=True)]
    return [row[size:] for row in rows]
