// English names of months.

export const monthNames: readonly string[] =
  'January February March April May June July August September October November December'.split(' ')

/** A month's number, 1 … 12, from the first three letters of its name, ignoring case; 0 if it is not a month. */
export function monthNumber(name: string): number {
  const short = name.slice(0, 3).toLowerCase()
  return monthNames.findIndex((month) => month.slice(0, 3).toLowerCase() === short) + 1
}

/** Source of a regular expression with one group that matches a full or short month name; use with the flag `i`. */
export function monthPattern(): string {
  const usual = monthNames.map((name) => (name === 'May' ? name : `${name.slice(0, 3)}(?:${name.slice(3)})?`))
  return `(${usual.join('|').replace('Sep(?:', 'Sep(?:t|')})`
}

/** Whether a month, 1 … 12, has this day in some year. */
export function hasDay(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(2000, month, 0)).getUTCDate()
}
