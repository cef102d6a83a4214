/** Where the command runs: on somebody's machine, in a container, in CI. */
import { existsSync } from 'node:fs'
import type { Environment } from './command.ts'

/** A place where nobody watches and nothing else runs on loopback. */
export type Surroundings = 'machine' | 'container' | 'ci'

const containerMarks = ['/.dockerenv', '/run/.containerenv']

/** Looks at the marks that CI systems, Docker, Podman and Kubernetes leave. */
export function findSurroundings(env: Environment, exists: (path: string) => boolean = existsSync): Surroundings {
  if ((env['CI'] ?? '') !== '' && env['CI'] !== 'false') return 'ci'
  const marked = (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' || (env['container'] ?? '') !== ''
  return marked || containerMarks.some(exists) ? 'container' : 'machine'
}
