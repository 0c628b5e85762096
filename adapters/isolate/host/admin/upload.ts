import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import { ARTIFACT_FILES, parseInfo } from '../artifact.ts'
import { errorText } from '../error-text.ts'

/** Content of an app's uploaded deploy. */
export interface Upload {
  /** Uploaded files by path within the artifact. */
  files: Map<string, Uint8Array<ArrayBuffer>>
  /** App settings as sent with the upload, unchecked; undefined if none were sent. */
  settings: unknown
  note: string
}

const MAX_FILES = 20_000
const MAX_PATH = 512

function bad(message: string, cause?: unknown): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'deploy', cause })
}

/**
 * Reads an upload: `multipart/form-data` with one file per file of the artifact, named by its path, and the
 * texts `settings` (JSON) and `note`. If `Content-Digest: sha-256=:...:` (RFC 9530) is present, the body must
 * match it.
 *
 * @throws `LimitExceeded` for more than `max` bytes; `ChecksumMismatch`; `InvalidArgument` for an upload that
 * was cut off, is no artifact, or has an unsafe path.
 */
export async function readUpload(incoming: IncomingMessage, max: number): Promise<Upload> {
  const type = incoming.headers['content-type'] ?? ''
  if (!type.startsWith('multipart/form-data'))
    throw bad('A deploy is multipart/form-data, with a file per file of the artifact.')
  const bytes = await readBody(incoming, max)
  checkDigest(incoming.headers['content-digest'], bytes)
  const form = await new Response(bytes, { headers: { 'content-type': type } })
    .formData()
    .catch((cause: unknown) => {
      throw bad(
        'The upload is no whole multipart/form-data: it was cut off, or its boundary is wrong. Send it ' +
          'again.',
        cause,
      )
    })
  const upload: Upload = { files: new Map(), settings: undefined, note: '' }
  for (const [name, value] of form) {
    if (typeof value !== 'string') {
      if (upload.files.has(name)) throw bad(`The upload has ${JSON.stringify(name)} twice.`)
      upload.files.set(checkPath(name), new Uint8Array(await value.arrayBuffer()))
    } else if (name === 'settings') upload.settings = parseSettings(value)
    else if (name === 'note') upload.note = value.slice(0, 1000)
    else
      throw bad(
        `The upload has a text ${JSON.stringify(name)}; a host takes the texts settings and note, and files.`,
      )
  }
  if (upload.files.size > MAX_FILES)
    throw bad(`The upload has ${upload.files.size} files; a host takes ${MAX_FILES}.`)
  checkFiles(upload.files)
  return upload
}

/**
 * Reads the JSON body of a request to the admin API.
 *
 * @throws `InvalidArgument` for invalid JSON, `LimitExceeded` for more than `max` bytes.
 */
export async function readJson(incoming: IncomingMessage, max: number): Promise<unknown> {
  const bytes = await readBody(incoming, max)
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
  } catch (cause) {
    throw bad('The body is no JSON.', cause)
  }
}

async function readBody(incoming: IncomingMessage, max: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = (actual: number): UnmoorError =>
    new UnmoorError(
      'LimitExceeded',
      `The body is larger than this host takes, ${max} bytes (maxArtifactMb of its config).`,
      {
        operation: 'deploy',
        details: { limit: 'maxArtifactMb', actual, max },
      },
    )
  const announced = Number(incoming.headers['content-length'] ?? 0)
  if (announced > max) throw tooLarge(announced)
  const chunks: Buffer[] = []
  let size = 0
  try {
    // A request to the admin API is not destroyed when its body is too large, so that the client sees the
    // response.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.byteLength
      if (size > max) throw tooLarge(size)
      chunks.push(chunk)
    }
  } catch (error) {
    throw isUnmoorError(error) ? error : bad('The upload was cut off. Send it again.', error)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function checkDigest(header: string | string[] | undefined, bytes: Uint8Array): void {
  if (header === undefined) return
  const given = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/.exec(String(header))?.[1]
  if (given === undefined) throw bad('Content-Digest: this host knows sha-256=:BASE64: only.')
  if (given === createHash('sha256').update(bytes).digest('base64')) return
  throw new UnmoorError(
    'ChecksumMismatch',
    'What arrived is not what Content-Digest says: it was changed or cut off on its way. Send it again.',
    {
      operation: 'deploy',
    },
  )
}

function parseSettings(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw bad('settings is no JSON.', cause)
  }
}

function checkPath(path: string): string {
  const known = (ARTIFACT_FILES as readonly string[]).includes(path) || /^[a-z-]+\.js\.map$/.test(path)
  if (known || (path.startsWith('assets/') && isSafe(path))) return path
  throw bad(
    `A host takes no file ${JSON.stringify(path.slice(0, MAX_PATH))}: an artifact is ` +
      `${ARTIFACT_FILES.join(', ')}, their source maps, and files below assets/.`,
  )
}

/** Returns true if a path stays below its base folder on every file system. */
function isSafe(path: string): boolean {
  return (
    path.length <= MAX_PATH &&
    !/[\p{Cc}\\:]/u.test(path) &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  )
}

function checkFiles(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): void {
  for (const name of ARTIFACT_FILES)
    if (!files.has(name))
      throw bad(
        `The upload has no ${name}. Send the whole artifact that "unmoor build --target isolate" made.`,
      )
  for (const path of files.keys()) {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
      if (files.has(path.slice(0, slash)))
        throw bad(`The upload has ${path.slice(0, slash)} both as a file and as a folder.`)
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(files.get('unmoor.json'))
  } catch (cause) {
    throw bad(`unmoor.json is no UTF-8: ${errorText(cause)}`, cause)
  }
  parseInfo(text, 'the upload')
}
