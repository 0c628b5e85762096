import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** True if openssl, which makes the certificates, is installed. */
export const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
)

/** What {@link CertificateAuthority.issue} makes. */
export interface Issued {
  cert: string
  key: string
}

/** An authority of the test's own, and a folder of the certificates that it has issued. */
export class CertificateAuthority implements AsyncDisposable {
  readonly dir: string
  #issued = 0

  private constructor(dir: string) {
    this.dir = dir
  }

  static async create(): Promise<CertificateAuthority> {
    const dir = await mkdtemp(join(tmpdir(), 'unmoor-ca-'))
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc']
    const files = ['-keyout', join(dir, 'ca.key'), '-out', join(dir, 'ca.pem')]
    await run('openssl', ['req', '-x509', ...ec, '-days', '2', '-subj', '/CN=unmoor test CA', ...files])
    return new CertificateAuthority(dir)
  }

  /** The authority's own certificate, for clients. */
  ca(): Promise<string> {
    return readFile(join(this.dir, 'ca.pem'), 'utf8')
  }

  get caFile(): string {
    return join(this.dir, 'ca.pem')
  }

  /** Issues a certificate into NAME.pem and NAME.key. Default: a P-256 key, from now for 90 days. */
  async issue(
    name: string,
    hosts: readonly string[],
    { rsa = false, days = 90 }: { rsa?: boolean; days?: number } = {},
  ): Promise<Issued> {
    const [cert, key, csr] = ['pem', 'key', 'csr'].map((end) => join(this.dir, `${name}.${end}`)) as [
      string,
      string,
      string,
    ]
    const kind = rsa ? ['rsa:2048'] : ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${hosts.join(',')}`]
    await run('openssl', [
      'req',
      '-new',
      '-newkey',
      ...kind,
      '-noenc',
      ...subject,
      '-keyout',
      key,
      '-out',
      csr,
    ])
    const signed = [
      '-CA',
      this.caFile,
      '-CAkey',
      join(this.dir, 'ca.key'),
      '-set_serial',
      String(++this.#issued),
    ]
    await run('openssl', [
      'x509',
      '-req',
      '-in',
      csr,
      ...signed,
      '-copy_extensions',
      'copy',
      '-days',
      String(days),
      '-out',
      cert,
    ])
    return { cert, key }
  }

  /** Puts an issued pair in the place of another. */
  async replace(at: Issued, by: Issued): Promise<void> {
    await writeFile(at.key, await readFile(by.key))
    await writeFile(at.cert, await readFile(by.cert))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true })
  }
}
