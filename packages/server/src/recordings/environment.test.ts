import { isStackError } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { findRecordingSettings } from './environment.ts'

test('nothing set, or live, means no recording', () => {
  expect(findRecordingSettings({})).toBeUndefined()
  expect(findRecordingSettings({ OGX_TEST_RECORDING_DIR: '/r', OGX_TEST_INFERENCE_MODE: '' })).toBeUndefined()
  expect(findRecordingSettings({ LLAMA_STACK_TEST_INFERENCE_MODE: 'live' })).toBeUndefined()
})

test.each(['OGX', 'LLAMA_STACK'])('the variables of %s', (generation) => {
  for (const mode of ['replay', 'record', 'record-if-missing']) {
    const environment = { [`${generation}_TEST_INFERENCE_MODE`]: mode, [`${generation}_TEST_RECORDING_DIR`]: '/r' }
    expect(findRecordingSettings(environment)).toEqual({ mode, directory: '/r' })
  }
})

test('the generations may be mixed, and the case does not count', () => {
  const environment = { LLAMA_STACK_TEST_INFERENCE_MODE: 'REPLAY', OGX_TEST_RECORDING_DIR: '/r' }
  expect(findRecordingSettings(environment)).toEqual({ mode: 'replay', directory: '/r' })
})

test.each([
  [{ OGX_TEST_INFERENCE_MODE: 'rewind' }, "OGX_TEST_INFERENCE_MODE is 'rewind'. Use live"],
  [{ LLAMA_STACK_TEST_INFERENCE_MODE: 'record' }, "LLAMA_STACK_TEST_INFERENCE_MODE is 'record', but no directory"],
  [
    { LLAMA_STACK_TEST_INFERENCE_MODE: 'record', OGX_TEST_INFERENCE_MODE: 'replay' },
    "OGX_TEST_INFERENCE_MODE is 'replay', but LLAMA_STACK_TEST_INFERENCE_MODE is 'record'.",
  ],
])('a mistake is named: %j', (environment, message) => {
  let thrown: unknown
  try {
    findRecordingSettings(environment)
  } catch (error) {
    thrown = error
  }
  expect(isStackError(thrown, 'config_env') && thrown.message).toContain(message)
})
