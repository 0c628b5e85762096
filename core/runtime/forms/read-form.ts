import { readParameters } from './disposition.ts'
import { formError } from './form-error.ts'
import { readMultipart, type FormSink } from './multipart.ts'
import { readUrlEncoded, type DecodeUtf8 } from './url-encoded.ts'

/** The body of a Request or Response that is read as a form. */
export interface FormBody {
  /** Content-Type of the form's body; null if there is none. */
  readonly type: string | null
  readonly bytes: () => Uint8Array<ArrayBuffer>
  /** Returns the form's bytes as UTF-8 text, decoded as {@link DecodeUtf8} does. */
  readonly text: () => string
}

/**
 * Reads a body as the form that its content type names, for `formData()` of Request and Response. It behaves
 * the same on every target whose `formData()` is unmoor's.
 *
 * @throws TypeError for a content type that is not a form's, and for a body that is not well-formed.
 */
export function readForm(body: FormBody, decode: DecodeUtf8, sink: FormSink): void {
  const type = body.type ?? ''
  const semicolon = type.indexOf(';')
  const essence = (semicolon < 0 ? type : type.slice(0, semicolon)).trim().toLowerCase()
  if (essence === 'multipart/form-data')
    readMultipart(body.bytes(), readBoundary(type, semicolon), decode, sink)
  else if (essence === 'application/x-www-form-urlencoded')
    readUrlEncoded(body.text(), decode, (name, value) => sink.text(name, value))
  else
    throw formError(
      body.type === null
        ? 'it has no content type'
        : 'its content type is neither multipart/form-data nor application/x-www-form-urlencoded',
    )
}

function readBoundary(type: string, semicolon: number): string {
  const parameters = semicolon < 0 ? [] : readParameters(type, semicolon, 'its content type')
  const boundary = parameters.find(([key]) => key === 'boundary')?.[1] ?? ''
  if (boundary === '') throw formError('its content type has no boundary')
  return boundary
}
