/** The fields of a File that appear in an encoded form: its name and its content type. */
interface NamedFile {
  readonly name: string
  readonly type: string
}

/**
 * Yields the pieces of a form as `multipart/form-data`, in order: text, and the files unchanged (HTML,
 * "multipart/form-data encoding algorithm"). A file without a name stays a file: `filename=""`.
 */
export function encodeMultipart<AnyFile extends NamedFile>(
  fields: Iterable<readonly [name: string, value: string | AnyFile]>,
  boundary: string,
): (string | AnyFile)[] {
  const pieces: (string | AnyFile)[] = []
  for (const [name, value] of fields) {
    const key = escapeName(normalizeLines(name))
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${key}"`
    if (typeof value === 'string') pieces.push(`${head}\r\n\r\n${normalizeLines(value)}\r\n`)
    else {
      const type = value.type === '' ? 'application/octet-stream' : value.type
      pieces.push(
        `${head}; filename="${escapeName(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`,
        value,
        '\r\n',
      )
    }
  }
  pieces.push(`--${boundary}--\r\n`)
  return pieces
}

function escapeName(name: string): string {
  return name.replace(/[\n\r"]/g, (char) => (char === '"' ? '%22' : char === '\n' ? '%0A' : '%0D'))
}

function normalizeLines(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n')
}
