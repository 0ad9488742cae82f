def halves(lines, by):
    cut = len(lines) // by
    return lines[:cut], lines[cut:]
