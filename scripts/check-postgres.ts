// Four processes add overlapping digests for a minute while the server is killed or shut down again and again.
// PAPERKIN_POSTGRES_BIN=$(node scripts/postgres-server.mjs) npx tsx scripts/check-postgres.ts [SECONDS]
import { PostgresServer } from '../test/library/postgres-servers.ts'
import { killTrial } from '../test/library/postgres-trial.ts'

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 60)
  const server = await PostgresServer.make()
  try {
    const { papers, acknowledged, kills, broken, verification } = await killTrial(server, {
      milliseconds: 1000 * seconds,
    })
    console.log(`${papers} papers, ${acknowledged} of them acknowledged, ${kills} ends; verification:`, verification)
    for (const message of broken) console.log(message)
    process.exitCode = broken.length === 0 && verification.isWhole ? 0 : 1
  } finally {
    await server.stop()
  }
}

void main()
