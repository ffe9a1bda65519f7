{#- The form of attention in bfloat16 with AMX tiles; see attention.mlir, and attention_bf16.mlir for all but
the products.

A tile is 16 rows of 64 bytes. A query block is 32 rows, a step 32 keys or 32 channels, and 2 x 2
tiles of sums stay in registers.
-#}
{%- from 'attention_index.mlir' import at with context -%}
{%- import 'attention_bf16.mlir' as frame with context -%}
{%- set ds = (depth + 31) // 32 -%}
{%- set sizes = namespace(step_lines=frame.sizes.step_lines, fixed_lines=frame.sizes.fixed_lines + 16) -%}
{%- set pack = frame.pack -%}
{%- set amx = '!llvm.x86_amx' -%}
{%- macro pointer(name, line) %}
            %{{ name }}_b = affine.apply affine_map<(a, b) -> (a * 64 + b)>({{ line }}, %base)
            %{{ name }}_i = arith.index_cast %{{ name }}_b : index to i64
            %{{ name }} = llvm.inttoptr %{{ name }}_i : i64 to !llvm.ptr
{%- endmacro -%}
{%- macro load(name, line, stride='%stride') %}
            {{- pointer(name ~ '_p', line) }}
            %{{ name }} = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"(%full, %line, %{{ name }}_p, {{ stride }}) : (i16, i16, !llvm.ptr, i64) -> {{ amx }}
{%- endmacro -%}
{%- macro store(name, line, value) %}
            {{- pointer(name, line) }}
            llvm.call_intrinsic "llvm.x86.tilestored64.internal"(%full, %line, %{{ name }}, %stride, {{ value }}) : (i16, i16, !llvm.ptr, i64, {{ amx }}) -> ()
{%- endmacro -%}
{%- macro dot(name, sum, left, right) %}
            %{{ name }} = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%full, %line, %line, {{ sum }}, {{ left }}, {{ right }}) : (i16, i16, i16, {{ amx }}, {{ amx }}, {{ amx }}) -> {{ amx }}
{%- endmacro -%}
{%- macro constants() %}
      {{- frame.constants() }}
      %full = llvm.mlir.constant(16 : i16) : i16
      %line = llvm.mlir.constant(64 : i16) : i16
      %stride = llvm.mlir.constant(64 : i64) : i64
      %still = llvm.mlir.constant(0 : i64) : i64
      {{- at('nothing_at', 'a + %d' | format(rows), '%m_own') }}
      vector.store %zero, %lines[%nothing_at, %c0] : !lines, !f
{%- endmacro -%}
{%- macro scores() %}
          scf.for %g = %c0 to %here step %c1 {
            {{- at('key_tile', '(a + b) * 2', '%key0', '%g') }}
            {{- at('kt0', 'a + b * %d' | format(16 * ds), '%k_own', '%key_tile') }}
            {{- at('kt1', 'a + %d' | format(16 * ds), '%kt0') }}
{%- for q in range(4) %}
            %z{{ q }} = llvm.call_intrinsic "llvm.x86.tilezero.internal"(%full, %line) : (i16, i16) -> {{ amx }}
{%- endfor %}
            %sums:4 = scf.for %s = %c0 to %steps step %c1 iter_args(%a0 = %z0, %a1 = %z1, %a2 = %z2, %a3 = %z3) -> ({{ amx }}, {{ amx }}, {{ amx }}, {{ amx }}) {
              {{- at('q_line', 'a + b * 32', '%q_own', '%s') }}
              {{- at('q_next', 'a + 16', '%q_line') }}
              {{- at('k_line', 'a + b * 16', '%kt0', '%s') }}
              {{- at('k_next', 'a + b * 16', '%kt1', '%s') }}
              {{- load('left0', '%q_line') }}
              {{- load('right0', '%k_line') }}
              {{- dot('n0', '%a0', '%left0', '%right0') }}
              {{- load('right1', '%k_next') }}
              {{- dot('n1', '%a1', '%left0', '%right1') }}
              {{- load('left1', '%q_next') }}
              {{- dot('n2', '%a2', '%left1', '%right0') }}
              {{- dot('n3', '%a3', '%left1', '%right1') }}
              scf.yield %n0, %n1, %n2, %n3 : {{ amx }}, {{ amx }}, {{ amx }}, {{ amx }}
            }
            {{- at('s_to0', 'a + b * 64', '%s_own', '%g') }}
            {{- at('s_to1', 'a + 32', '%s_to0') }}
            {{- at('s_to2', 'a + 16', '%s_to0') }}
            {{- at('s_to3', 'a + 48', '%s_to0') }}
{%- for q in range(4) %}
            {{- store('s_p%d' | format(q), '%%s_to%d' | format(q), '%%sums#%d' | format(q)) }}
{%- endfor %}
          }
{%- endmacro -%}
{%- macro values() %}
          %o_stride = arith.select %is_later, %stride, %still : i64
          scf.for %s = %c0 to %steps step %c1 {
            {{- at('o_to0', 'a + b * 64', '%o_own', '%s') }}
            {{- at('o_to1', 'a + 32', '%o_to0') }}
            {{- at('o_to2', 'a + 16', '%o_to0') }}
            {{- at('o_to3', 'a + 48', '%o_to0') }}
{%- for q in range(4) %}
            %o_from{{ q }} = arith.select %is_later, %o_to{{ q }}, %nothing_at : index
            {{- load('o%d' | format(q), '%%o_from%d' | format(q), '%o_stride') }}
{%- endfor %}
            %v_tile = arith.muli %s, %c2 : index
            %v_in = arith.muli %v_tile, %key_steps : index
            {{- at('vt0', 'a + (b + c) * 16', '%v_own', '%v_in', '%key0') }}
            {{- at('vt1', 'a + b * 16', '%vt0', '%key_steps') }}
            %sums:4 = scf.for %g = %c0 to %here step %c1 iter_args(%a0 = %o0, %a1 = %o1, %a2 = %o2, %a3 = %o3) -> ({{ amx }}, {{ amx }}, {{ amx }}, {{ amx }}) {
              {{- at('p_line', 'a + b * 32', '%p_own', '%g') }}
              {{- at('p_next', 'a + 16', '%p_line') }}
              {{- at('v_line', 'a + b * 16', '%vt0', '%g') }}
              {{- at('v_next', 'a + b * 16', '%vt1', '%g') }}
              {{- load('left0', '%p_line') }}
              {{- load('right0', '%v_line') }}
              {{- dot('n0', '%a0', '%left0', '%right0') }}
              {{- load('right1', '%v_next') }}
              {{- dot('n1', '%a1', '%left0', '%right1') }}
              {{- load('left1', '%p_next') }}
              {{- dot('n2', '%a2', '%left1', '%right0') }}
              {{- dot('n3', '%a3', '%left1', '%right1') }}
              scf.yield %n0, %n1, %n2, %n3 : {{ amx }}, {{ amx }}, {{ amx }}, {{ amx }}
            }
{%- for q in range(4) %}
            {{- store('o_p%d' | format(q), '%%o_to%d' | format(q), '%%sums#%d' | format(q)) }}
{%- endfor %}
          }
{%- endmacro -%}
{%- macro rows_read() %}
          %rows_read = arith.addi %rows, %c0 : index
{%- endmacro -%}
{%- macro attend() %}
          {{- frame.attend(rows_read, scores, values) }}
{%- endmacro -%}
