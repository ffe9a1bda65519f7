// Index reports. A plan with indices writes them into its last result, in rows: the least and the
// greatest index, the lowest one allowed, and the size.
#include <stdlib.h>

#include "launcher.h"

enum { MOST_ROWS = 1 << 16, ROW_BYTES = REPORT_COLUMNS * sizeof(int64_t) };

bool take_report(plan *self, PyObject *rows, PyObject *fault) {
  uint64_t count = 0;
  if (rows != NULL && !read_number(rows, MOST_ROWS, &count, "report_rows")) return false;
  if (count == 0) return true;
  if (fault == NULL || !PyCallable_Check(fault))
    return plan_fault("plan: has a report and no report_fault, must have a function for it");
  if (self->result_count == 0)
    return plan_fault("plan: has a report and no result, must have one for it");
  self->hidden_count = 1;
  if (self->driver == NULL)
    self->report_rows = (uint32_t)count;
  else
    self->device_rows = (uint32_t)count;
  self->report_fault = Py_NewRef(fault);
  return true;
}

uint32_t returned_results(const plan *self) {
  return self->result_count - self->changed_count - self->hidden_count;
}

bool begin_report(report *self, const plan *what) {
  self->rows = self->few;
  if (what->report_rows <= FEW_ROWS) return true;
  self->rows = aligned_alloc(ALIGNMENT, (what->report_rows + 1) / 2 * 2 * (size_t)ROW_BYTES);
  if (self->rows == NULL) PyErr_NoMemory();
  return self->rows != NULL;
}

void end_report(report *self) {
  if (self->rows != self->few) free(self->rows);
}

bool rows_in_range(const plan *what, const int64_t *rows) {
  bool in_range = true;
  for (uint32_t i = 0; i < what->report_rows; i++) {
    const int64_t *row = &rows[i * REPORT_COLUMNS];
    in_range &= row[0] >= row[2] && row[1] < row[3];
  }
  return in_range;
}

bool check_report(const report *self, const plan *what) {
  if (__builtin_expect(rows_in_range(what, self->rows), 1)) return true;
  Py_ssize_t size = (Py_ssize_t)(what->report_rows * (size_t)ROW_BYTES);
  PyObject *answer = PyObject_CallFunction(what->report_fault, "y#", (char *)self->rows, size);
  if (answer != NULL) {
    Py_DECREF(answer);
    PyErr_SetString(PyExc_IndexError, "launch: an index is out of range");
  }
  return false;
}
