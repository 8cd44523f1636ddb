/** Set by `npm test -- --full`: the tests with real machines run all that the lab has, and not a choice. */
export const FULL_LAB_VARIABLE = 'KDUMPLING_FULL_LAB';
