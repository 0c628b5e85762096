import type { Command } from 'commander'
import { RouteClient } from '../data/route-client.ts'
import { usageError } from './exit.ts'
import { options as shared } from './options.ts'

/** Options of a command that asks a deployment through its data route. */
export interface RouteOptions {
  url: string
  token?: string
  reporter: 'text' | 'json'
}

const DEPLOYMENT = `
The deployment was built with --data-route; its token is the secret UNMOOR_DATA_TOKEN that it was given
(--token, or the same variable here).`

/** Adds {@link RouteOptions} to a command. */
export function addRouteOptions(command: Command): Command {
  return command
    .requiredOption('--url <url>', 'of a deployment that was built with --data-route')
    .option('--token <token>', 'of its data route (default: UNMOOR_DATA_TOKEN)')
    .addOption(shared.reporter())
    .addHelpText('after', DEPLOYMENT)
}

/** Opens the data route that a command's options name. */
export function openRoute({ url, token = process.env['UNMOOR_DATA_TOKEN'] }: RouteOptions): RouteClient {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw usageError(
      `--url: "${url}" is no URL of a deployment. Write it whole, such as https://app.example.`,
    )
  if (token === undefined || token === '')
    throw usageError(`${url} needs the token of its data route: give --token, or set UNMOOR_DATA_TOKEN.`)
  return new RouteClient(url, token)
}
