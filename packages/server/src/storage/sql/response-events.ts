/** The events of responses in SQL: a row for each run of them, packed where that saves room. */
import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { EventSegment } from '../agent-state.ts'
import { fromEventLines, toEventLines } from './event-lines.ts'

/** A segment as it is stored. */
export interface PackedSegment {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly packed: boolean
  readonly bytes: Uint8Array
}

/** The statements of the table. What writes belongs into a job of the writer. */
export interface ResponseEvents {
  /** False, and nothing is added, where events of these numbers or later ones are kept already. */
  add(responseSeq: number, segment: PackedSegment): boolean
  /** The texts of the events after that number. */
  read(responseSeq: number, afterSequence: number): string[]
  remove(responseSeq: number): void
}

const Row = lateSchema(() =>
  z.object({
    first_sequence: z.number(),
    packed: z.number(),
    events: z.instanceof(Uint8Array),
  }),
)

/**
 * Packing costs 35 us whatever there is to pack, and 1 us for each KiB. What there is of an ordinary answer says little twice:
 * it is kept as it is, and packing is for those that would take many pages.
 */
const PACKED_FROM_BYTES = 16_384
/** The fastest level: events repeat their names and ids, which it finds too. */
const ZSTD_LEVEL = 1

/** Packs the events of a segment, outside of the transaction that stores it. */
export function packSegment({ firstSequence, lastSequence, events }: EventSegment): PackedSegment {
  const bytes = Buffer.from(toEventLines(events))
  if (bytes.byteLength < PACKED_FROM_BYTES) return { firstSequence, lastSequence, packed: false, bytes }
  const { constants, zstdCompressSync } = process.getBuiltinModule('node:zlib')
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL }
  return { firstSequence, lastSequence, packed: true, bytes: zstdCompressSync(bytes, { params }) }
}

function unpack(packed: boolean, bytes: Uint8Array, first: number): string[] {
  const plain = packed ? process.getBuiltinModule('node:zlib').zstdDecompressSync(bytes) : Buffer.from(bytes)
  return fromEventLines(plain.toString(), first)
}

/** Prepares the statements of the table once. */
export function prepareResponseEvents(connection: DatabaseSync): ResponseEvents {
  const insert = connection.prepare(
    `INSERT INTO response_events (response_seq, first_sequence, last_sequence, packed, events) VALUES (?, ?, ?, ?, ?)`,
  )
  const last = connection.prepare(
    'SELECT last_sequence FROM response_events WHERE response_seq = ? ORDER BY first_sequence DESC LIMIT 1',
  )
  // Begins with the segment that the number falls into: the rows before it are not read.
  const select = connection.prepare(
    `SELECT first_sequence, packed, events FROM response_events
     WHERE response_seq = ?1 AND last_sequence > ?2 AND first_sequence >= coalesce(
       (SELECT max(first_sequence) FROM response_events WHERE response_seq = ?1 AND first_sequence <= ?2), 0)
     ORDER BY first_sequence`,
  )
  const remove = connection.prepare('DELETE FROM response_events WHERE response_seq = ?')
  return {
    add(responseSeq, { firstSequence, lastSequence, packed, bytes }) {
      const kept = last.get(responseSeq)
      if (kept !== undefined && Number(kept['last_sequence']) >= firstSequence) return false
      insert.run(responseSeq, firstSequence, lastSequence, packed ? 1 : 0, bytes)
      return true
    },
    read: (responseSeq, afterSequence) =>
      select.all(responseSeq, afterSequence).flatMap((row) => {
        const { first_sequence, packed, events } = Row.parse(row)
        return unpack(packed === 1, events, first_sequence).slice(Math.max(0, afterSequence + 1 - first_sequence))
      }),
    remove: (responseSeq) => void remove.run(responseSeq),
  }
}
