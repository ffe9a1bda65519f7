// For str.format: {tensor} is the type of the operands, {element} that of their elements.
util.func private @add_{element}(%x: {tensor}, %y: {tensor}) -> {tensor} {{
  %0 = arith.addf %x, %y : {tensor}
  util.return %0 : {tensor}
}}
