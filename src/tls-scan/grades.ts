/** The letters. A file of its own, because the command line knows them before anything else is loaded. */

/** From the best to the worst; T is "not trusted", M is "for another name". */
export const grades = ['A+', 'A', 'A-', 'B', 'C', 'D', 'E', 'F', 'T', 'M'] as const
export type Grade = (typeof grades)[number]

/** Whether a grade is worse than another; T and M are as bad as can be. */
export function isWorse(one: Grade, other: Grade): boolean {
  return grades.indexOf(one) > grades.indexOf(other)
}

/** Grades that can be asked for; T and M are none. */
export const gradesToDemand = grades.slice(0, grades.indexOf('F'))
