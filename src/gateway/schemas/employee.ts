/** Employees. */
import { z } from 'zod';
import { expected } from './check.ts';
import { count, members } from './common.ts';

const nameExpected = 'a text of 1 to 100 characters that are not all white space';
const salaryExpected = 'a number, 0 or more';

const name = (example: string) =>
  z
    .string(expected(nameExpected))
    .trim()
    .min(1, expected(nameExpected))
    .max(100, expected(nameExpected))
    .meta({ description: '1 to 100 characters; white space around them is cut off.', example, pattern: '\\S' });

const fields = {
  firstName: name('Ada'),
  lastName: name('Lovelace'),
  position: name('Analyst'),
  salary: z.number(expected(salaryExpected)).min(0, expected(salaryExpected)).meta({ example: 4200 }),
};

export const employeeBody = members(fields).meta({ id: 'EmployeeRequest' });

/** Some of the fields, at least one. */
export const employeePatchBody = members({
  firstName: z.exactOptional(fields.firstName),
  lastName: z.exactOptional(fields.lastName),
  position: z.exactOptional(fields.position),
  salary: z.exactOptional(fields.salary),
})
  .refine(
    (body) => Object.keys(body).length > 0,
    `nothing to change: expected one of ${Object.keys(fields).join(', ')} at least`,
  )
  .meta({ id: 'EmployeePatch', example: { salary: 4300 }, override: { minProperties: 1 } });

export const employeeId = z.union([z.int(), z.string()]).meta({ description: 'The id of an employee.', example: '1' });

/** Whoever writes documents past the shop may leave anything out of them. */
const text = (example: string) => z.string().nullable().meta({ example });

export const employee = members({
  id: employeeId,
  ...{ firstName: text('Ada'), lastName: text('Lovelace'), position: text('Analyst') },
  salary: z.number().nullable().meta({ example: 4200 }),
}).meta({ id: 'Employee' });

export const employeesAnswer = z.array(employee).meta({ id: 'Employees', description: 'In the order of their ids.' });

export const employeesUpdateAnswer = members({
  data: employeesAnswer,
  total: count.meta({ description: 'How many there are.', example: 1 }),
  timestamp: z.iso.datetime().meta({ example: '2026-01-31T12:00:00.000Z' }),
}).meta({ id: 'EmployeesUpdate' });

export type EmployeeBody = z.output<typeof employeeBody>;
export type EmployeePatchBody = z.output<typeof employeePatchBody>;
export type Employee = z.output<typeof employee>;
export type EmployeesUpdateAnswer = z.output<typeof employeesUpdateAnswer>;
