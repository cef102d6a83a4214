/** A picture that only those can describe who see it. */

/** A PNG of 64 × 64 points, its left half yellow and its right half blue. */
export const pictureOfTwoColours =
  'data:image/png;base64,' +
  'iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAT0lEQVR42u3PMQ0AAAgDsPk3iJwhgYuvSQ00nbxK+ktAQEBAQEBA' +
  'QEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBA4LLLualLan1E6gAAAABJRU5ErkJggg=='
