import type { AppRecord } from '../app-record.ts'
import { CertificateFiles } from '../tls/certificate-files.ts'
import type { TlsConfig } from '../tls/config.ts'
import { createMaterial, type TlsMaterial } from '../tls/material.ts'

/** The certificates of a host's port, in the form that its processes get. */
export class PortCertificates {
  #files: CertificateFiles
  #config: Required<TlsConfig>
  #print: (line: string) => void
  #material: TlsMaterial

  private constructor(files: CertificateFiles, config: Required<TlsConfig>, print: (line: string) => void) {
    this.#files = files
    this.#config = config
    this.#print = print
    this.#material = this.#create()
  }

  /**
   * Reads the TLS certificates of the host's port.
   *
   * @throws `InvalidArgument` naming a file that cannot be used.
   */
  static async open(config: Required<TlsConfig>, print: (line: string) => void): Promise<PortCertificates> {
    return new PortCertificates(await CertificateFiles.open(config.certificates, { print }), config, print)
  }

  get material(): TlsMaterial {
    return this.#material
  }

  /**
   * Starts to follow changes of the certificate files; `onChange` gets the certificates for new connections.
   */
  follow(onChange: (material: TlsMaterial) => void): void {
    this.#files.follow(() => {
      this.#material = this.#create()
      onChange(this.#material)
    })
  }

  /** Prints a warning for host names of apps that no certificate covers. */
  warnUncovered(apps: readonly AppRecord[]): void {
    const { unknownNames } = this.#config
    for (const { name, settings } of apps) {
      const uncovered = this.#files.uncovered((settings.hosts ?? []).filter((host) => host !== '*'))
      if (uncovered.length > 0)
        this.#print(
          `WARNING: TLS: no certificate is for ${uncovered.join(', ')}, of the app "${name}": clients ` +
            (unknownNames === 'refuse' ? 'cannot connect' : 'see another certificate and refuse it') +
            '. Add one to tls.certificates.',
        )
    }
  }

  reload(): Promise<void> {
    return this.#files.reload()
  }

  stop(): Promise<void> {
    return this.#files.stop()
  }

  #create(): TlsMaterial {
    return createMaterial(this.#files.certificates, this.#config.unknownNames)
  }
}
