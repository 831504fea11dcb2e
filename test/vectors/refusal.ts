import { PaperkinError } from '../../src/errors.ts'

/** The code and the words with which a promise is refused; fails where it is not, or by another error. */
export async function refusal(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!PaperkinError.isInstance(error)) throw new Error(`Expected a refusal, got ${String(error)}.`)
  return { code: error.code, message: error.message }
}
