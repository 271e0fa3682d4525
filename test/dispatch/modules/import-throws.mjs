throw new Error('cannot reach my database')
