import { z } from 'zod';
import {
  employee,
  employeeBody,
  employeePatchBody,
  employeesAnswer,
  employeesUpdateAnswer,
} from '../schemas/employee.ts';
import { joined, type Operation, type Problems } from './operation.ts';
import {
  idempotencyKey,
  idempotencyProblems,
  ifMatchWrite,
  jsonAnswer,
  jsonBody,
  jsonProblems,
  keptAnswers,
  keptGet,
  keptProblems,
  locationHeader,
  patchBody,
  preconditionProblems,
  replayedHeader,
  taggedWriteHeaders,
  timeout,
  writeAnswerHeaders,
  writeProblems,
} from './parts.ts';

const one = '/employees/{id}';
const pathParameters = { id: z.string().min(1).meta({ description: 'The id of an employee.', example: '1' }) };
const notFound: Problems = { 400: ['bad_id'], 404: ['employee_not_found'] };
const invalid: Problems = { 409: ['conflict'], 413: ['too_large'], 422: ['invalid_employee', 'invalid_document'] };
const listProblems: Problems = { 400: ['search_too_wide', 'no_index'], 503: ['definition_changed'] };
const common = { tag: 'Employees', query: { timeout } } as const;

export const employeeOperations: readonly Operation[] = [
  {
    ...common,
    ...keptGet,
    path: '/employees',
    id: 'listEmployees',
    summary: 'Lists all employees',
    answers: keptAnswers('All of them.', employeesAnswer),
    problems: joined(listProblems, keptProblems),
  },
  {
    ...common,
    method: 'post',
    path: '/employees',
    id: 'createEmployee',
    need: 'write',
    summary: 'Takes on an employee',
    headers: idempotencyKey,
    body: jsonBody(employeeBody),
    answers: {
      201: jsonAnswer('With an id.', employee, { ...taggedWriteHeaders, ...locationHeader, ...replayedHeader }),
    },
    problems: joined(
      invalid,
      { 409: ['document_exists', 'too_many_collections'] },
      idempotencyProblems,
      jsonProblems,
      writeProblems,
    ),
  },
  {
    ...common,
    ...keptGet,
    path: one,
    id: 'getEmployee',
    summary: 'Reads an employee',
    pathParameters,
    answers: keptAnswers('As it is now.', employee),
    problems: joined(notFound, keptProblems),
  },
  {
    ...common,
    method: 'put',
    path: one,
    id: 'putEmployee',
    need: 'write',
    summary: 'Replaces what is known of an employee',
    pathParameters,
    headers: ifMatchWrite,
    body: jsonBody(employeeBody),
    answers: { 200: jsonAnswer('Done.', employee, taggedWriteHeaders) },
    problems: joined(notFound, invalid, preconditionProblems, jsonProblems, writeProblems),
  },
  {
    ...common,
    method: 'patch',
    path: one,
    id: 'patchEmployee',
    need: 'write',
    summary: 'Changes some of what is known of an employee',
    pathParameters,
    headers: ifMatchWrite,
    body: patchBody(employeePatchBody),
    answers: { 200: jsonAnswer('Done.', employee, taggedWriteHeaders) },
    problems: joined(
      { 415: ['unsupported_media_type'] },
      ...[notFound, invalid, preconditionProblems, jsonProblems, writeProblems],
    ),
  },
  {
    ...common,
    method: 'delete',
    path: one,
    id: 'deleteEmployee',
    need: 'write',
    summary: 'Lets an employee go',
    pathParameters,
    headers: ifMatchWrite,
    answers: {
      200: {
        description: 'Done.',
        content: { 'application/json': z.looseObject({ id: employee.shape.id }) },
        headers: writeAnswerHeaders,
      },
    },
    problems: joined({ 409: ['conflict'], 413: ['too_large'] }, notFound, preconditionProblems, writeProblems),
  },
  {
    ...common,
    ...keptGet,
    path: '/update/employees',
    id: 'updateEmployees',
    summary: 'Lists all employees, with their number and the time',
    answers: keptAnswers('All of them.', employeesUpdateAnswer),
    problems: joined(listProblems, keptProblems),
  },
];
