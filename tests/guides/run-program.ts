/** Programs of a guide, run as a reader would run them. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Reads the named blocks of a page, whatever they are written in: ` ```ts first ` is `ts first`. */
export function readBlocks(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(root, page), 'utf8')
  const found = text.matchAll(/```(\w+ \S+)\n([^]*?)```/g)
  return new Map([...found].map(([, key = '', block = '']) => [key, block]))
}

/** The address that guides name. */
const WRITTEN_URL = 'localhost:8321'

export interface ProgramOutcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const LANGUAGES: Readonly<Record<string, { readonly file: string; readonly command: (file: string) => string[] }>> = {
  ts: { file: 'program.ts', command: (file) => [process.execPath, '--conditions=llama-stack-source', file] },
  sh: { file: 'program.sh', command: (file) => ['/bin/sh', '-e', file] },
  python: { file: 'program.py', command: (file) => ['python3', file] },
}

/** Runs a block in a folder of its own, with the server at `host` in the place of the one that the guide names. */
export async function runBlock(name: string, block: string, host = WRITTEN_URL): Promise<ProgramOutcome> {
  const { file, command } = LANGUAGES[name.split(' ')[0] ?? ''] ?? { file: '', command: () => [] }
  // Within the repository, so that its packages are found.
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const cwd = mkdtempSync(join(root, '.tmp/guide-'))
  try {
    const path = join(cwd, file)
    writeFileSync(path, block.replaceAll(WRITTEN_URL, host))
    const [program = '', ...args] = command(path)
    return await run(program, args, cwd)
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

/** Runs a program to its end. */
function run(program: string, args: readonly string[], cwd: string): Promise<ProgramOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
      const pieces: string[] = []
      stream.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece))
      return pieces
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout: stdout?.join('') ?? '', stderr: stderr?.join('') ?? '' }))
  })
}
