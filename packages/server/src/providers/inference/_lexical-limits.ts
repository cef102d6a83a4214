/** Bounds of the lexical models: apart from their code, so that reading a configuration does not load it. */

/** The longest vector that is computed. */
export const MAX_DIMENSION = 8192
