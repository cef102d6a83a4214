/** The declaration of a storage backend: where the stack keeps its state. */
import type { Clock, Log } from '@llama-stack/api'
import type { z } from 'zod'
import type { Storage } from './storage.ts'

/** What the rest of the stack has to know about a backend. Code asks for a fact, never for a backend's name. */
export interface BackendFacts {
  /** Several server processes may write to one store for long. Where false, a second one works but waits. */
  readonly multiProcess: boolean
  /** Lives in this process and needs no server of its own. */
  readonly embedded: boolean
  /** What was acknowledged survives a power cut. Everything acknowledged survives the end of the process anyway. */
  readonly survivesPowerLoss: boolean
}

/** This process is one of several that one server consists of: they have one store. */
export interface WorkerRole {
  /** Whether this one does what has to be done once: deletes what is too old, moves the log of the database, holds the lock. */
  readonly maintains: boolean
}

/** What a backend is opened with. */
export interface BackendInput<Config> {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  /** Rows of the request log older than this are deleted. */
  readonly requestLogRetentionDays: number
  /** The room of all cached replies together. */
  readonly responseCacheMaxBytes: number
  /** Default: this process is the whole server. */
  readonly worker?: WorkerRole | undefined
}

/** A storage backend as its file declares it. */
export interface BackendDefinition<Config extends z.ZodType = z.ZodType> {
  /** The `type` of its configuration. */
  readonly type: string
  readonly description: string
  readonly facts: BackendFacts
  /** Strict: an unknown key is an error with its line. Every key is described. */
  readonly config: Config
  /** Opens the store and brings its schema up to date. Rejects with a `storage_*` error. */
  open(input: BackendInput<z.infer<Config>>): Promise<Storage>
}

/** Declares a storage backend. Importing a declaration loads no driver. */
export function defineBackend<Config extends z.ZodType>(
  definition: BackendDefinition<Config>,
): BackendDefinition<Config> {
  return Object.freeze(definition)
}
