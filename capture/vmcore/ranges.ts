/** Half-open ranges of addresses. */

export interface Range<Address extends number | bigint> {
  readonly start: Address;
  readonly end: Address;
}

/** The ranges without what lies in one of the holes. */
export function withoutHoles<Address extends number | bigint>(
  ranges: readonly Range<Address>[],
  holes: readonly Range<Address>[],
): readonly Range<Address>[] {
  return holes.reduce(
    (left, hole) =>
      left.flatMap(({ start, end }) =>
        hole.end <= start || hole.start >= end
          ? [{ start, end }]
          : [
              { start, end: hole.start },
              { start: hole.end, end },
            ].filter(piece => piece.start < piece.end),
      ),
    ranges,
  );
}
