import { expect, test } from 'vitest'
import { readBlocks, runBlock } from './run-program.ts'

const blocks = readBlocks('docs/guides/add-a-tool.md')

test('the program of the guide runs, and the model has called its function', { timeout: 30_000 }, async () => {
  const block = blocks.get('ts program') ?? ''
  expect(await runBlock('ts program', block)).toEqual({
    code: 0,
    stdout: expect.stringMatching(/order_status.*shipped.*2/) as string,
    stderr: '',
  })
  const unknown = block.replace("status of order A-4711?'", "status of order B-1?'")
  expect((await runBlock('ts program', unknown)).stdout).toContain('There is no order B-1.')
})
