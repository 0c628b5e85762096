import { stat } from 'node:fs/promises'
import { errorText } from '../error-text.ts'
import { type Certificate, certificateWarning, readCertificate } from './certificate.ts'
import type { CertificatePair } from './config.ts'
import { covers } from './host-names.ts'

/** Milliseconds between two checks of the certificate files. */
const LOOK_MS = 2000
const WARN_MS = 86_400_000

/** One TLS certificate in use, and the state of its files. */
interface Entry {
  pair: CertificatePair
  certificate: Certificate
  /**
   * Fingerprint of the certificate's files at the last read. `broken`: fingerprint of files that could not be
   * used.
   */
  seen: string
  broken: string | undefined
}

/** Options of {@link CertificateFiles}, the TLS certificates of a port. */
export interface CertificateFilesOptions {
  print(line: string): void
  /** Milliseconds between two checks of the certificate files. Default: 2000. */
  lookMs?: number | undefined
}

/**
 * Certificates that are read again when their files change. If new files cannot be used, the certificate in
 * use stays, and the log says so.
 */
export class CertificateFiles {
  #entries: Entry[]
  #print: (line: string) => void
  #onChange: () => void = () => {}
  #timers: NodeJS.Timeout[] = []
  #lookMs: number
  #looking: Promise<void> = Promise.resolve()

  private constructor(entries: Entry[], options: CertificateFilesOptions) {
    this.#entries = entries
    this.#print = (line) => options.print(line)
    this.#lookMs = options.lookMs ?? LOOK_MS
  }

  /**
   * Reads all TLS certificates of the config.
   *
   * @throws `InvalidArgument` naming a file that cannot be used, and what to do.
   */
  static async open(
    pairs: readonly CertificatePair[],
    options: CertificateFilesOptions,
  ): Promise<CertificateFiles> {
    const entries: Entry[] = []
    for (const pair of pairs) {
      const seen = await fingerprint(pair)
      entries.push({ pair, certificate: await readCertificate(pair), seen, broken: undefined })
    }
    const files = new CertificateFiles(entries, options)
    files.#warn()
    return files
  }

  /** TLS certificates in use, in the order of the config. */
  get certificates(): Certificate[] {
    return this.#entries.map(({ certificate }) => certificate)
  }

  /** Starts to poll the certificate files; `onChange` is called after a change. */
  follow(onChange: () => void): void {
    this.#onChange = onChange
    this.#timers = [
      setInterval(() => void this.#look(false), this.#lookMs),
      setInterval(() => this.#warn(), WARN_MS),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  /** Reads all certificate files, even if they look unchanged. */
  reload(): Promise<void> {
    return this.#look(true)
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#looking
  }

  /** Returns the host names that no TLS certificate covers. */
  uncovered(hosts: readonly string[]): string[] {
    const names = this.certificates.flatMap((certificate) => certificate.names)
    return hosts.filter((host) => !names.some((name) => covers(name, host.toLowerCase())))
  }

  #look(isAsked: boolean): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      const changed: Certificate[] = []
      for (const entry of this.#entries)
        if (await this.#refresh(entry, isAsked)) changed.push(entry.certificate)
      if (changed.length === 0) return
      for (const { path, names } of changed) this.#print(`TLS: ${path} (${names.join(', ')}) was read anew.`)
      this.#warn(changed)
      this.#onChange()
    })
    return this.#looking
  }

  async #refresh(entry: Entry, isAsked: boolean): Promise<boolean> {
    const seen = await fingerprint(entry.pair)
    if (seen === entry.seen && !isAsked) return false
    try {
      const { cert, key } = entry.certificate
      entry.certificate = await readCertificate(entry.pair)
      entry.seen = seen
      entry.broken = undefined
      return cert !== entry.certificate.cert || key !== entry.certificate.key
    } catch (error) {
      // The certificate and its key are not written at once, so an error is printed only if it persists at
      // the next check.
      if (entry.broken === seen || isAsked) {
        entry.seen = seen
        this.#print(
          `WARNING: TLS: new files cannot be used, the certificate that was read before stays in use until ` +
            `${new Date(entry.certificate.notAfter).toISOString()}. ${errorText(error)}`,
        )
      }
      entry.broken = seen
      return false
    }
  }

  #warn(certificates: readonly Certificate[] = this.certificates): void {
    for (const certificate of certificates) {
      const warning = certificateWarning(certificate, Date.now())
      if (warning !== undefined) this.#print(`WARNING: TLS: ${warning}`)
    }
  }
}

/** Returns a text that changes whenever the content of the certificate or key file does. */
async function fingerprint({ cert, key }: CertificatePair): Promise<string> {
  const parts = [cert, key].map((path) =>
    stat(path, { bigint: true }).then(
      ({ ino, size, mtimeNs, ctimeNs }) => `${ino} ${size} ${mtimeNs} ${ctimeNs}`,
      () => 'missing',
    ),
  )
  return (await Promise.all(parts)).join(' ')
}
