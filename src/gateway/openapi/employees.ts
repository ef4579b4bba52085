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
  etag,
  idempotencyKey,
  idempotencyProblems,
  jsonProblems,
  locationHeader,
  notModified,
  preconditionProblems,
  readAnswerHeaders,
  readHeaders,
  readProblems,
  readQuery,
  replayedHeader,
  timeout,
  writeAnswerHeaders,
  writeConditions,
  writeProblems,
} from './parts.ts';

const one = '/employees/{id}';
const pathParameters = { id: z.string().min(1).meta({ description: 'The id of an employee.', example: '1' }) };
const read = { ...readAnswerHeaders, ETag: etag };
const written = { ...writeAnswerHeaders, ETag: etag };
const notFound: Problems = { 400: ['bad_id'], 404: ['employee_not_found'] };
const invalid: Problems = { 409: ['conflict'], 413: ['too_large'], 422: ['invalid_employee', 'invalid_document'] };
const listProblems: Problems = { 400: ['search_too_wide', 'no_index'], 503: ['definition_changed'] };
const common = { tag: 'Employees', query: { timeout } } as const;

export const employeeOperations: readonly Operation[] = [
  {
    ...common,
    method: 'get',
    path: '/employees',
    id: 'listEmployees',
    need: 'read',
    summary: 'Lists all employees',
    query: readQuery,
    headers: readHeaders,
    answers: {
      200: { description: 'All of them.', content: { 'application/json': employeesAnswer }, headers: read },
      304: notModified,
    },
    problems: joined(listProblems, preconditionProblems, readProblems),
  },
  {
    ...common,
    method: 'post',
    path: '/employees',
    id: 'createEmployee',
    need: 'write',
    summary: 'Takes on an employee',
    headers: idempotencyKey,
    body: { isRequired: true, content: { 'application/json': employeeBody } },
    answers: {
      201: {
        description: 'With an id.',
        content: { 'application/json': employee },
        headers: { ...written, ...locationHeader, ...replayedHeader },
      },
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
    method: 'get',
    path: one,
    id: 'getEmployee',
    need: 'read',
    summary: 'Reads an employee',
    pathParameters,
    query: readQuery,
    headers: readHeaders,
    answers: {
      200: { description: 'As it is now.', content: { 'application/json': employee }, headers: read },
      304: notModified,
    },
    problems: joined(notFound, preconditionProblems, readProblems),
  },
  {
    ...common,
    method: 'put',
    path: one,
    id: 'putEmployee',
    need: 'write',
    summary: 'Replaces what is known of an employee',
    pathParameters,
    headers: { 'If-Match': writeConditions['If-Match'] },
    body: { isRequired: true, content: { 'application/json': employeeBody } },
    answers: { 200: { description: 'Done.', content: { 'application/json': employee }, headers: written } },
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
    headers: { 'If-Match': writeConditions['If-Match'] },
    body: {
      isRequired: true,
      content: { 'application/merge-patch+json': employeePatchBody, 'application/json': employeePatchBody },
    },
    answers: { 200: { description: 'Done.', content: { 'application/json': employee }, headers: written } },
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
    headers: { 'If-Match': writeConditions['If-Match'] },
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
    method: 'get',
    path: '/update/employees',
    id: 'updateEmployees',
    need: 'read',
    summary: 'Lists all employees, with their number and the time',
    query: readQuery,
    headers: readHeaders,
    answers: {
      200: {
        description: 'All of them.',
        content: { 'application/json': employeesUpdateAnswer },
        headers: read,
      },
      304: notModified,
    },
    problems: joined(listProblems, preconditionProblems, readProblems),
  },
];
