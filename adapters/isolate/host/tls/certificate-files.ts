import { stat } from 'node:fs/promises'
import { errorText } from '../error-text.ts'
import { type Certificate, certificateWarning, readCertificate } from './certificate.ts'
import type { CertificatePair } from './config.ts'
import { covers } from './host-names.ts'

/** Milliseconds between two looks at the files, and between two warnings of what expires. */
const LOOK_MS = 2000
const WARN_MS = 86_400_000

/** One certificate in use, and what is known of its files. */
interface Entry {
  pair: CertificatePair
  certificate: Certificate
  /** What the files were when they were read last, and when they could not be used. */
  seen: string
  broken: string | undefined
}

/** Options of {@link CertificateFiles}. */
export interface CertificateFilesOptions {
  print(line: string): void
  /** Milliseconds between two looks at the files. Default: 2000. */
  lookMs?: number | undefined
}

/**
 * Certificates in files, read anew when these change. A file that cannot be used leaves the certificate that
 * is in use as it is, and the log says so.
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

  /** @throws `InvalidArgument` that names a file which cannot be used, and what to do. */
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

  /** Certificates in use, in the order of the config. */
  get certificates(): Certificate[] {
    return this.#entries.map(({ certificate }) => certificate)
  }

  /** Looks at the files now and then from now on, and tells of a change. */
  follow(onChange: () => void): void {
    this.#onChange = onChange
    this.#timers = [
      setInterval(() => void this.#look(false), this.#lookMs),
      setInterval(() => this.#warn(), WARN_MS),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  /** Reads all files, whether or not they look changed. */
  reload(): Promise<void> {
    return this.#look(true)
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#looking
  }

  /** The names among `hosts` that no certificate is for. */
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
      // Two files are not written at once: what is still so at the next look is told of.
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

/** Another content of the files has another one. */
async function fingerprint({ cert, key }: CertificatePair): Promise<string> {
  const parts = [cert, key].map((path) =>
    stat(path, { bigint: true }).then(
      ({ ino, size, mtimeNs, ctimeNs }) => `${ino} ${size} ${mtimeNs} ${ctimeNs}`,
      () => 'missing',
    ),
  )
  return (await Promise.all(parts)).join(' ')
}
