import type { Options } from '../options.ts'
import type { ResultsFile } from './results-file.ts'
import type { Supervisor } from './supervisor.ts'

/** The world that workloads and targets get: nothing in the bench reaches for a global. */
export type Bench = {
  readonly options: Options
  readonly supervisor: Supervisor
  readonly results: ResultsFile
  /** Draws the order of the cells and the ports. */
  readonly random: () => number
  /** A directory that is deleted at the end. */
  readonly scratch: string
  /** The root of the repository. */
  readonly root: string
  /** Tells the person at the terminal what is going on. */
  readonly say: (text: string) => void
}

/** A workload: runs its cells, writes its rows, and returns what a reader should see. */
export type Workload = {
  /** The word on the command line. */
  readonly name: string
  readonly title: string
  readonly run: (bench: Bench) => Promise<Report>
}

/** What a workload found, ready to be printed. */
export type Report = {
  readonly sections: readonly Section[]
  /** Bounds that were missed, for workloads that pass or fail: the bench then ends with an error. */
  readonly failures?: readonly string[]
}

/** One table with what has to be said about it. */
export type Section = {
  readonly heading: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Verdicts against the targets, voided cells, skipped targets. */
  readonly remarks: readonly string[]
}
