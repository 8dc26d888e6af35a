"""Files as the microscope writes them: watching folders, names, completeness, transfer, pre-flight."""
