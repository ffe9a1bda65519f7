"""The executor `direct`: compiled executables called by the C launcher, without IREE's VM and HAL.

`evaluate.py` turns a host program into a plan (`plan.py`) for concrete shapes; `plan_rewrite.py`
removes needless copies from it; `direct_program.py` loads the executables and runs the plans;
`native/` is the C launcher.
"""
