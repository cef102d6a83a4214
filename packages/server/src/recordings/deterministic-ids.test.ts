import { expect, test } from 'vitest'
import { createDeterministicIds } from './deterministic-ids.ts'

const testId = 'tests/integration/files/test_files.py::test_upload[client]'

test('each test and kind counts on from its own number', () => {
  const ids = createDeterministicIds()
  // int(sha256(test_id), 16) % 10**12 + 1, computed with Python.
  expect(ids.find('file', testId)).toBe('file-115826188676')
  expect(ids.find('file', testId)).toBe('file-115826188677')
  expect(ids.find('vector_store', testId)).toBe('vs_115826188676')
  expect(ids.find('vector_store_file_batch', testId)).toBe('batch_115826188676')
  expect(ids.find('file', `${testId} other`)).not.toBe('file-115826188678')
})

test('a second server starts over', () => {
  expect(createDeterministicIds().find('file', testId)).toBe(createDeterministicIds().find('file', testId))
})

test('outside a test there is nothing to predict', () => {
  expect(createDeterministicIds().find('file', null)).toBeUndefined()
})
