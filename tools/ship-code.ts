/** Puts V8's code of a start beside the scripts: the first start in a new home, or in a container, need not compile. */
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startOnce, temporaryFolder } from './first-start.ts'

/** Starts the built command line once, and keeps the code that it kept. Other versions of Node than this one compile. */
export async function shipCode(directory: string): Promise<void> {
  using home = temporaryFolder()
  const { status, body, complaints } = await startOnce({ main: join(directory, 'main.js'), home: home.path })
  if (status !== 200) throw new Error(`the built command line does not answer: ${status} ${body}${complaints}`)
  const shipped = join(directory, 'code', `${process.version}-${process.arch}`)
  mkdirSync(shipped, { recursive: true })
  cpSync(join(home.path, '.llama-stack/cache'), shipped, { recursive: true })
}
