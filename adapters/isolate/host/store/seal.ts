import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { UnmoorError } from '../../../../core/errors.ts'
import { createDurably } from './durable-files.ts'

/**
 * Environment variable with the key that seals stored settings; hosts that share a store have the same key.
 */
export const KEY_VARIABLE = 'UNMOOR_HOST_KEY'

/**
 * Encrypts settings, which may hold secrets, for the store: AES-256-GCM under the host's key. The app's name
 * is authenticated, so that no row can stand in for another app's.
 */
export class Seal {
  #key: Buffer

  constructor(secret: string) {
    this.#key = createHash('sha256').update(`unmoor host settings\n${secret}`).digest()
  }

  /** Derives a key for another use, such as requests between hosts, from the key that seals settings. */
  derive(use: string): string {
    return createHmac('sha256', this.#key).update(use).digest('base64url')
  }

  close(app: string, text: string): string {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(app))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return `v1.${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')}`
  }

  /**
   * Decrypts the settings of an app.
   *
   * @throws `PermissionDenied` if they were sealed with another key, or changed since.
   */
  open(app: string, sealed: string): string {
    try {
      if (!sealed.startsWith('v1.')) throw new Error('it has another form')
      const bytes = Buffer.from(sealed.slice(3), 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12))
        .setAAD(Buffer.from(app))
        .setAuthTag(bytes.subarray(12, 28))
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
    } catch (cause) {
      const message =
        `The settings of "${app}" cannot be read: they were sealed with another key. ` +
        `Start the host with the ${KEY_VARIABLE} that they were stored with.`
      throw new UnmoorError('PermissionDenied', message, { operation: 'start', cause })
    }
  }
}

/**
 * Returns a random secret kept in a file that only this user can read; creates it at first use.
 *
 * @throws `InvalidArgument` for an empty file, which a power cut could leave before 0.2: an empty secret
 * would protect nothing.
 */
export async function keptSecret(file: string, holds: string): Promise<string> {
  const made = randomBytes(32).toString('base64url')
  try {
    await createDurably(file, `${made}\n`, 0o600)
    return made
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const kept = (await readFile(file, 'utf8')).trim()
  if (kept !== '' && !kept.includes('\0')) return kept
  throw new UnmoorError(
    'InvalidArgument',
    `${file} is empty or damaged: it holds ${holds}. Put it back from a copy; without one remove it, and ` +
      'another is made.',
    { operation: 'start' },
  )
}
