import { encodeMultipart } from '../../../../../core/runtime/forms/encode.ts'
import { readForm } from '../../../../../core/runtime/forms/read-form.ts'
import { blobBytes, File } from '../data/blob.ts'
import { decodeUtf8, encodeUtf8 } from '../data/encoding.ts'
import { FormData } from './form-data.ts'
import type { Bytes } from '../streams.ts'

/** Encodes a form as `multipart/form-data` (RFC 7578). */
export function formBytes(form: FormData, boundary: string): Bytes {
  const pieces = encodeMultipart<File>(form, boundary).map((piece) =>
    typeof piece === 'string' ? encodeUtf8(piece) : blobBytes(piece),
  )
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.byteLength
  }
  return bytes
}

/** Parses a body as a form, by its content type. @throws TypeError for a body that is no form. */
export function formOf(type: string | null, source: string | Bytes): FormData {
  const form = new FormData()
  const body =
    typeof source === 'string'
      ? { type, bytes: () => encodeUtf8(source), text: () => source.toWellFormed() }
      : { type, bytes: () => source, text: () => decodeUtf8(source, true) }
  readForm(body, (bytes) => decodeUtf8(bytes, true), {
    text: (name, value) => form.append(name, value),
    file: (name, bytes, filename, fileType) =>
      form.append(name, new File([bytes], filename, { type: fileType })),
  })
  return form
}
