import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

/** What has to be known about machine and tree to read a result later. */
export type Machine = {
  readonly node: string
  readonly v8: string
  readonly nginx: string
  readonly wrk: string
  readonly kernel: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly gitSha: string
  /** Whether the tree differed from the commit. */
  readonly gitDirty: boolean
  readonly loadavg: readonly number[]
}

/** Collects the facts about this machine. */
export function readMachine(root: string): Machine {
  const [first] = cpus()
  return {
    node: process.version,
    v8: process.versions.v8,
    nginx: firstLine('nginx', ['-v']).replace('nginx version: ', ''),
    wrk: firstLine('wrk', ['-v']),
    kernel: release(),
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    gitSha: firstLine('git', ['-C', root, 'rev-parse', 'HEAD']),
    gitDirty: firstLine('git', ['-C', root, 'status', '--porcelain', '--untracked-files=no']) !== '',
    loadavg: loadavg(),
  }
}

/** First line of what a program prints, wherever it prints it: nginx and wrk answer `-v` on standard error. */
function firstLine(command: string, args: readonly string[]): string {
  const quoted = [command, ...args].map((word) => `'${word}'`).join(' ')
  try {
    return (
      execFileSync('sh', ['-c', `${quoted} 2>&1 || true`], { encoding: 'utf8' })
        .trim()
        .split('\n')[0] ?? ''
    )
  } catch {
    return 'not installed'
  }
}

/** Whether the program can be found on the path. */
export function isInstalled(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v '${command}'`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
