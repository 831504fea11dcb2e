#!/usr/bin/env node
import { runCommandLine } from './program.ts'
import { printableLine } from './terminal.ts'

/** Whatever hangs when Ctrl-C is pressed has so many milliseconds to end by itself. */
const GRACE = 800

const controller = new AbortController()
process.on('SIGINT', () => {
  // The second Ctrl-C waits for nothing.
  if (controller.signal.aborted) process.exit(130)
  controller.abort(new Error('interrupted'))
  setTimeout(() => process.exit(130), GRACE).unref()
})
// Whoever reads our output may stop reading: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE')
    process.stderr.write(`paperkin: The output could not be written: ${printableLine(error.message)}\n`)
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})
const { stdin, stdout, stderr, env } = process
process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  signal: controller.signal,
})
