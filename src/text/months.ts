// The months, by their English names.

export const monthNames: readonly string[] =
  'January February March April May June July August September October November December'.split(' ')

/** A month's number, 1 … 12, by the first three letters of its name, in any case; 0 for what is no month. */
export function monthNumber(name: string): number {
  const short = name.slice(0, 3).toLowerCase()
  return monthNames.findIndex((month) => month.slice(0, 3).toLowerCase() === short) + 1
}

/** Source of a pattern with one group that matches a month's name, whole or short; for use without regard to case. */
export function monthPattern(): string {
  const usual = monthNames.map((name) => (name === 'May' ? name : `${name.slice(0, 3)}(?:${name.slice(3)})?`))
  return `(${usual.join('|').replace('Sep(?:', 'Sep(?:t|')})`
}

/** Whether a month, 1 … 12, has a day of this number in some year. */
export function hasDay(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(2000, month, 0)).getUTCDate()
}
