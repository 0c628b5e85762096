import { kv } from '../../adapters/drivers/dynamodb/index.ts'
import { awsHarness, awsServers } from './aws-servers.ts'
import { kvContract } from './contracts/kv.ts'

const servers = awsServers()

kvContract('dynamodb over dynalite and fauxqs', async () => awsHarness(servers, (context) => kv({}, context)))
