"""The verb `onnx`: anyone's diffusers pipeline to an INT8 pack of ONNX parts that a board runs one after the other."""
