/**
 * Operations of the S3 API on one bucket, limited to those that the driver uses. Object names include the
 * binding's prefix.
 */
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { AwsClient, type AwsRequest } from '../aws/client.ts'
import { AwsError, toUnmoorError } from '../aws/errors.ts'
import { createHash } from '../shared/hash.ts'
import type { HttpResponse } from '../aws/http.ts'
import type { AwsOptions } from '../aws/options.ts'
import { resolveAws } from '../aws/settings.ts'
import { escapeXml, parseXml, type XmlElement } from '../aws/xml.ts'
import { encodePath } from './names.ts'

export type Headers = HttpResponse['headers']

/** A request on an S3 object or on the bucket. */
export interface S3Request {
  operation: string
  method: string
  /** Name of the S3 object; empty for the bucket itself. */
  name: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Uint8Array<ArrayBuffer> | string
  write: boolean
  repeatable: boolean
  accept?: readonly number[]
  signal?: AbortSignal | undefined
}

/** The operations on one S3 bucket. */
export class S3Api {
  readonly bucket: string
  #client: AwsClient
  #base: string

  constructor(bucket: string, options: AwsOptions, context: Pick<DriverContext, 'variable' | 'binding'>) {
    this.bucket = bucket
    this.#client = new AwsClient(resolveAws('s3', options, context))
    const { endpoint, region } = this.#client.settings
    // The S3 driver uses the path style for buckets with dots in their names, which do not match the
    // certificate of the virtual-hosted style, and for servers other than AWS, which rarely support that
    // style.
    if (endpoint !== undefined) this.#base = `${endpoint}/${bucket}`
    else if (bucket.includes('.')) this.#base = `https://s3.${region}.amazonaws.com/${bucket}`
    else this.#base = `https://${bucket}.s3.${region}.amazonaws.com`
  }

  send(request: S3Request): Promise<HttpResponse> {
    return this.#client.send(this.#request(request))
  }

  text(request: S3Request): Promise<{ status: number; headers: Headers; text: string }> {
    return this.#client.text(this.#request(request))
  }

  /**
   * Sends an S3 request and returns the parsed answer. S3 may answer 200 and then report an error in the
   * body.
   */
  async xml(request: S3Request): Promise<{ root: XmlElement; headers: Headers }> {
    const { text, headers } = await this.text(request)
    const root = parseXml(text)
    const info = this.#request(request)
    if (root === undefined)
      throw toUnmoorError(new AwsError('EmptyAnswer', 'the answer has no XML', 502), info)
    if (root.name === 'Error')
      throw toUnmoorError(
        new AwsError(root.text('Code') ?? 'InternalError', root.text('Message') ?? '', 500),
        info,
      )
    return { root, headers }
  }

  #request({ name, query, method, ...rest }: S3Request): AwsRequest {
    const search =
      query === undefined
        ? ''
        : `?${Object.entries(query)
            .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
            .join('&')}`
    return {
      ...rest,
      service: 's3',
      method,
      target: `bucket "${this.bucket}"`,
      url: `${this.#base}/${name === '' ? '' : encodePath(name)}${search}`,
    }
  }

  /** Returns a signed S3 URL. A URL that was signed with temporary credentials expires with them. */
  signedUrl(name: string, method: 'GET' | 'PUT', seconds: number): Promise<string> {
    return this.#client.signedUrl(`${this.#base}/${encodePath(name)}`, method, seconds)
  }

  async delete(name: string): Promise<void> {
    const { body } = await this.send({
      operation: 'DeleteObject',
      method: 'DELETE',
      name,
      write: true,
      repeatable: true,
      accept: [404],
    })
    body.resume()
  }

  /**
   * Deletes at most 1,000 S3 objects whose names XML can hold. Returns the names that were not deleted, with
   * S3's reason.
   */
  async deleteMany(names: readonly string[]): Promise<Map<string, string>> {
    const objects = names.map((name) => `<Object><Key>${escapeXml(name)}</Key></Object>`).join('')
    const body =
      '<?xml version="1.0" encoding="UTF-8"?><Delete ' +
      `xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${objects}</Delete>`
    const headers = {
      'content-type': 'application/xml',
      'content-md5': createHash('md5').update(body).digest('base64'),
    }
    const { root } = await this.xml({
      operation: 'DeleteObjects',
      method: 'POST',
      name: '',
      query: { delete: '' },
      headers,
      body,
      write: true,
      repeatable: true,
    })
    return new Map(
      root
        .all('Error')
        .map((error) => [
          error.text('Key') ?? '',
          `${error.text('Code') ?? ''}: ${error.text('Message') ?? ''}`,
        ]),
    )
  }
}

/**
 * True if S3's DeleteObjects can name the object: XML 1.0 has no control characters, and parsers change line
 * ends.
 */
export function fitsXml(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return !/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/.test(name)
}

/** Converts an S3 ETag `"abc"` or `W/"abc"` to `abc`. */
export function unquote(etag: string | undefined): string {
  return (etag ?? '').replace(/^W\//, '').replace(/^"|"$/g, '')
}
