/** What a reading finds besides values: notes for the owner, and faults that stop the start. */
import type { ConfigDocument, ConfigTarget } from './config-document.ts'
import type { FoundFault } from './config-faults.ts'
import { throwFaults } from './config-faults.ts'
import type { ConfigPath } from './config-path.ts'
import { formatPath } from './config-path.ts'
import type { EnvTree } from './env-tree.ts'
import type { ConfigNote } from './stack-config.ts'

/** A note before it has its line. */
export type NoteText = Omit<ConfigNote, 'path' | 'line'> & { readonly target?: ConfigTarget }

/** Collects notes and faults. Paths lead through the substituted tree; what is reported are places in the file. */
export class ConfigFindings {
  readonly notes: ConfigNote[] = []
  readonly #faults: FoundFault[] = []
  readonly #document: ConfigDocument
  readonly #tree: EnvTree

  constructor(document: ConfigDocument, tree: EnvTree) {
    this.#document = document
    this.#tree = tree
  }

  note(path: ConfigPath, text: NoteText): void {
    this.noteAtSource(this.#tree.sourcePath(path), text)
  }

  /** A note on something that substitution took out of the tree. */
  noteAtSource(path: ConfigPath, { target, ...text }: NoteText): void {
    const line = this.#document.locate(path, target)?.line
    this.notes.push({ ...text, path: formatPath(path), ...(line === undefined ? {} : { line }) })
  }

  fault(path: ConfigPath, what: { problem: string; fix: string; target?: ConfigTarget }): void {
    this.faultAtSource(this.#tree.sourcePath(path), what)
  }

  /** A fault at a place that is already one of the file. */
  faultAtSource(path: ConfigPath, what: { problem: string; fix: string; target?: ConfigTarget }): void {
    this.#faults.push(this.#document.fault(path, what))
  }

  /** The place in the file of a place in the tree. */
  sourcePath(path: ConfigPath): ConfigPath {
    return this.#tree.sourcePath(path)
  }

  /** The place in the file, and how people read it. */
  place(path: ConfigPath): { readonly path: string; readonly position?: { line: number; column: number } } {
    const source = this.#tree.sourcePath(path)
    const found = this.#document.locate(source)
    return {
      path: formatPath(source),
      ...(found === undefined ? {} : { position: { line: found.line, column: found.column } }),
    }
  }

  /** What the file has at a place, before substitution. */
  written(path: ConfigPath): unknown {
    return this.#tree
      .sourcePath(path)
      .reduce<unknown>(
        (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
        this.#document.value,
      )
  }

  throwFaults(): void {
    throwFaults(this.#faults)
  }
}
