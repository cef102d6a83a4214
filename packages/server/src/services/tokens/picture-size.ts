/** The size of a picture in a data URL, read from the first bytes of its file. */

export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** A camera may write a preview and colour profiles before the size. */
const MAX_HEADER_BYTES = 512 * 1024

/** PNG, JPEG, WebP and GIF; undefined where the URL is no data URL, or its data something else. */
export function findPictureSize(url: string): PictureSize | undefined {
  const comma = url.indexOf(',')
  if (!/^data:[^,]*;base64$/i.test(url.slice(0, Math.max(0, comma)))) return undefined
  const start = comma + 1
  const bytes = Buffer.from(url.slice(start, start + (MAX_HEADER_BYTES / 3) * 4), 'base64')
  const size = readSize(bytes)
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined
}

function readSize(bytes: Buffer): PictureSize | undefined {
  const name = bytes.toString('latin1', 0, 16)
  if (name.startsWith('\u0089PNG\r\n\u001a\n') && bytes.length >= 24) {
    return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
  }
  if (/^GIF8[79]a/.test(name) && bytes.length >= 10) {
    return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
  }
  if (name.startsWith('RIFF') && name.slice(8, 12) === 'WEBP') return readWebp(bytes, name.slice(12, 16))
  if (name.startsWith('\u00ff\u00d8')) return readJpeg(bytes)
  return undefined
}

/** Lossy, lossless, and extended files keep it in places of their own. */
function readWebp(bytes: Buffer, kind: string): PictureSize | undefined {
  if (bytes.length < 30) return undefined
  if (kind === 'VP8 ') return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
  if (kind === 'VP8L') {
    const packed = bytes.readUInt32LE(21)
    return { width: (packed & 0x3fff) + 1, height: ((packed >> 14) & 0x3fff) + 1 }
  }
  if (kind === 'VP8X') return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
  return undefined
}

/** Goes from marker to marker until one that begins a frame (SOF). */
function readJpeg(bytes: Buffer): PictureSize | undefined {
  let at = 2
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1] ?? 0
    if (isFrame(marker)) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) }
    // Markers may be padded by more of their first byte; those between D0 and D9 have no length.
    if (marker === 0xff) at += 1
    else at += marker >= 0xd0 && marker <= 0xd9 ? 2 : 2 + bytes.readUInt16BE(at + 2)
  }
  return undefined
}

/** C4, C8 and CC are tables. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}
