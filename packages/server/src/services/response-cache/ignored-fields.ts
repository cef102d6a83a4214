/** The fields of a request that are no part of what its answer is found by. */

/** By field, why an answer does not depend on it. Fields that nobody knows here are always a part of the key. */
export const ignoredFields: Readonly<Record<string, string>> = Object.freeze({
  model: 'the name and the targets that it leads to are parts of the key of their own',
  stream: 'a part of the key of its own, in which absent, null and false are the same',
  store: 'says what becomes of the answer; whether it is kept is a part of the key of its own',
  metadata: 'labels the stored completion',
  user: 'tells the vendor on whose behalf, for its statistics and its checks of abuse',
  safety_identifier: 'the newer name of user',
  prompt_cache_key: 'chooses the machine of the vendor that has the prompt at hand',
  prompt_cache_retention: 'says how long the vendor keeps the prompt at hand',
})
