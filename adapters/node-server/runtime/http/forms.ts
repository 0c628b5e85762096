/**
 * Encodes and parses forms as bodies, in place of undici. undici's parser rejects what clients send (a quote
 * as `\\"`, lines that end in LF) and decodes what it should leave alone; its encoder sends a file without a
 * name as text.
 */
import { encodeMultipart } from '../../../../core/runtime/forms/encode.ts'
import { readForm } from '../../../../core/runtime/forms/read-form.ts'

/**
 * Replaces `formData()` of the given Request and Response classes, and of all that inherit from them, by
 * unmoor's parser.
 */
export function installForms(...classes: readonly { readonly prototype: Body }[]): void {
  for (const { prototype } of classes) {
    Object.defineProperty(prototype, 'formData', {
      value: async function formData(this: Request | Response): Promise<FormData> {
        const type = this.headers.get('content-type')
        return toFormData(type, Buffer.from(await this.arrayBuffer()))
      },
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
}

/** Parses a body of the given content type as a form. @throws TypeError for a body that is no form. */
export function toFormData(type: string | null, bytes: Buffer<ArrayBuffer>): FormData {
  const form = new FormData()
  readForm({ type, bytes: () => bytes, text: () => bytes.toString() }, decodeUtf8, {
    text: (name, value) => form.append(name, value),
    file: (name, content, filename, fileType) =>
      form.append(name, new File([content], filename, { type: fileType })),
  })
  return form
}

function decodeUtf8(bytes: Uint8Array<ArrayBuffer>): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}

/**
 * Encodes a FormData body as a Blob with its content type; returns any other body unchanged. Files are read
 * when the Blob is sent.
 */
export function withoutForm(body: BodyInit | null | undefined): BodyInit | null | undefined {
  if (!(body instanceof FormData)) return body
  // The boundary of a multipart form is in lower case, because Blob lower-cases its type.
  const boundary = `----formdata-unmoor-${crypto.randomUUID().replaceAll('-', '')}`
  return new Blob(encodeMultipart(body, boundary), { type: `multipart/form-data; boundary=${boundary}` })
}
