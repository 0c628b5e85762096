import type { Prices } from './cost.ts'

/** The prices that a report uses where the user gives none. `included` and `million` are in millions of the unit and the price of a million. */
export const PRICES: Prices = {
  read: '2025-06-01',
  currency: 'USD',
  note: 'List prices of the paid plan of Workers and of AWS in us-east-1, without the free tiers of AWS. Check them before you decide; give others with --prices FILE.',
  sources: [
    'developers.cloudflare.com/workers/platform/pricing',
    'developers.cloudflare.com/r2/pricing',
    'aws.amazon.com/lambda/pricing',
    'aws.amazon.com/dynamodb/pricing/on-demand',
    'aws.amazon.com/s3/pricing',
    'aws.amazon.com/sqs/pricing',
  ],
  cloudflare: {
    month: 5,
    requests: {
      included: 10,
      million: 0.3,
    },
    cpuMs: {
      included: 30,
      million: 0.02,
    },
    kvReads: {
      included: 10,
      million: 0.5,
    },
    kvWrites: {
      included: 1,
      million: 5,
    },
    blobReads: {
      included: 10,
      million: 0.36,
    },
    blobWrites: {
      included: 1,
      million: 4.5,
    },
    sqlReads: {
      included: 25000,
      million: 0.001,
    },
    sqlWrites: {
      included: 50,
      million: 1,
    },
    queueMessages: {
      included: 0.33,
      million: 1.2,
    },
    storageGb: 0.015,
  },
  lambda: {
    month: 0,
    requests: {
      included: 0,
      million: 0.2,
    },
    gbSeconds: 1.66667e-5,
    kvReads: {
      included: 0,
      million: 0.125,
    },
    kvWrites: {
      included: 0,
      million: 0.625,
    },
    blobReads: {
      included: 0,
      million: 0.4,
    },
    blobWrites: {
      included: 0,
      million: 5,
    },
    queueMessages: {
      included: 0,
      million: 1.2,
    },
    storageGb: 0.023,
    sqlMonth: 30,
  },
  node: {
    machineMonth: 24,
    cores: 2,
    use: 0.5,
    storageGb: 0.08,
  },
  isolate: {
    machineMonth: 24,
    cores: 2,
    use: 0.5,
    storageGb: 0.08,
  },
}
